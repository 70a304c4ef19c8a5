// A client-go program for tests, which says what it sees as JSON lines on
// stdout. It asks for protobuf and sends it, as Go programs built on typed
// clients do. Usage: go-client KUBECONFIG NAMESPACE inform | write | lead LEASE IDENTITY
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const protobuf = "application/vnd.kubernetes.protobuf"

// Line is one event, result or error.
type Line struct {
	Event           string            `json:"event"`
	Kind            string            `json:"kind,omitempty"`
	Name            string            `json:"name,omitempty"`
	UID             string            `json:"uid,omitempty"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
	Was             string            `json:"was,omitempty"`
	Data            map[string]string `json:"data,omitempty"`
	// Content types: of answers by "METHOD" or "METHOD refused", of bodies by "METHOD sent".
	Types map[string][]string `json:"types,omitempty"`
	Error string              `json:"error,omitempty"`
}

func say(line Line) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func lineOf(event string, kind string, object metav1.Object) Line {
	line := Line{Event: event, Kind: kind, Name: object.GetName(), UID: string(object.GetUID()), ResourceVersion: object.GetResourceVersion()}
	if configMap, ok := object.(*corev1.ConfigMap); ok {
		line.Data = configMap.Data
	}
	return line
}

// Lists and watches three kinds until the end, and says each event.
func inform(ctx context.Context, client kubernetes.Interface, namespace string) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	kinds := map[string]cache.SharedIndexInformer{
		"Pod":        factory.Core().V1().Pods().Informer(),
		"ConfigMap":  factory.Core().V1().ConfigMaps().Informer(),
		"Deployment": factory.Apps().V1().Deployments().Informer(),
	}
	var synced []cache.InformerSynced
	for kind, informer := range kinds {
		handler, err := informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
			AddFunc: func(object any, initial bool) {
				say(lineOf(map[bool]string{true: "there", false: "add"}[initial], kind, object.(metav1.Object)))
			},
			UpdateFunc: func(before, now any) {
				line := lineOf("update", kind, now.(metav1.Object))
				line.Was = before.(metav1.Object).GetResourceVersion()
				say(line)
			},
			DeleteFunc: func(object any) {
				// The deletion itself was missed: the next list had the object no more.
				if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
					say(lineOf("missed-delete", kind, unknown.Obj.(metav1.Object)))
					return
				}
				say(lineOf("delete", kind, object.(metav1.Object)))
			},
		})
		if err != nil {
			return err
		}
		synced = append(synced, handler.HasSynced)
		err = informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
			say(Line{Event: "interrupted", Kind: kind, Error: err.Error()})
		})
		if err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	// The handlers', not the informers': what is there has been said, then, too.
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return errors.New("a cache did not fill")
	}
	say(Line{Event: "synced"})
	<-ctx.Done()
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		say(Line{Event: "failed", Error: err.Error()})
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 3 {
		return errors.New("usage: go-client KUBECONFIG NAMESPACE inform | write | lead LEASE IDENTITY")
	}
	config, err := clientcmd.BuildConfigFromFlags("", args[0])
	if err != nil {
		return err
	}
	config.ContentType = protobuf
	config.AcceptContentTypes = protobuf + "," + runtime.ContentTypeJSON
	config.QPS, config.Burst = 100, 100
	types := &typeRecorder{seen: map[string][]string{}}
	config.Wrap(types.wrap)
	defer types.say()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	namespace := args[1]
	switch {
	case args[2] == "inform":
		return inform(ctx, client, namespace)
	case args[2] == "write":
		return write(ctx, client, namespace)
	case args[2] == "lead" && len(args) == 5:
		return lead(ctx, client, namespace, args[3], args[4], 2*time.Second)
	}
	return fmt.Errorf("unknown command %v", args[2:])
}

// What go-client writes: objects by typed clients, and a Lease by leader election.
package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/retry"
)

// Creates, reads, updates, patches, applies and deletes, and says each result.
func write(ctx context.Context, client kubernetes.Interface, namespace string) error {
	maps := client.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "typed", Labels: map[string]string{"by": "go"}},
		Data:       map[string]string{"n": "1"},
		BinaryData: map[string][]byte{"bytes": {0, 1, 254, 255}},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	say(lineOf("created", "ConfigMap", made))
	if made.CreationTimestamp.IsZero() || string(made.BinaryData["bytes"]) != "\x00\x01\xfe\xff" {
		return fmt.Errorf("created otherwise than sent: %v", made)
	}
	if _, err = maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "typed"}}, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("second creation: %v", err)
	}
	made.Data["n"] = "2"
	updated, err := maps.Update(ctx, made, metav1.UpdateOptions{})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	say(lineOf("updated", "ConfigMap", updated))
	if _, err = maps.Update(ctx, made, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("update of an old version: %v", err)
	}
	for _, patch := range []struct {
		kind types.PatchType
		body string
	}{
		{types.MergePatchType, `{"data":{"merge":"y"}}`},
		{types.StrategicMergePatchType, `{"data":{"strategic":"y"}}`},
		{types.JSONPatchType, `[{"op":"add","path":"/data/json","value":"y"}]`},
	} {
		if _, err = maps.Patch(ctx, "typed", patch.kind, []byte(patch.body), metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("%s: %w", patch.kind, err)
		}
	}
	patched, err := maps.Get(ctx, "typed", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	say(lineOf("patched", "ConfigMap", patched))
	if err = writeDeployment(ctx, client, namespace); err != nil {
		return err
	}
	applied, err := maps.Apply(ctx, applycorev1.ConfigMap("typed", namespace).WithData(map[string]string{"applied": "y"}),
		metav1.ApplyOptions{FieldManager: "go-client"})
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	say(lineOf("applied", "ConfigMap", applied))
	listed, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "by=go", Limit: 1})
	if err != nil || len(listed.Items) != 1 {
		return fmt.Errorf("list: %v, %v", listed, err)
	}
	another := "00000000-0000-0000-0000-000000000000"
	if err = maps.Delete(ctx, "typed", *metav1.NewPreconditionDeleteOptions(another)); !apierrors.IsConflict(err) {
		return fmt.Errorf("deletion of another: %v", err)
	}
	if err = maps.Delete(ctx, "typed", *metav1.NewPreconditionDeleteOptions(string(made.UID))); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if _, err = maps.Get(ctx, "typed", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return fmt.Errorf("get of what was deleted: %v", err)
	}
	say(lineOf("deleted", "ConfigMap", made))
	return nil
}

// A Deployment with fields whose zero values matter, its scale, and updates that others' writes disturb.
func writeDeployment(ctx context.Context, client kubernetes.Interface, namespace string) error {
	deployments := client.AppsV1().Deployments(namespace)
	labels := map[string]string{"app": "typed"}
	none, no := int32(0), false
	made, err := deployments.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "typed", Labels: map[string]string{"by": "go"}},
		Spec: appsv1.DeploymentSpec{
			Replicas: &none,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					EnableServiceLinks: &no,
					Containers:         []corev1.Container{{Name: "main", Image: "demo:1"}},
				},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create deployment: %w", err)
	}
	spec := made.Spec.Template.Spec
	if *made.Spec.Replicas != 0 || spec.EnableServiceLinks == nil || *spec.EnableServiceLinks || spec.RestartPolicy != corev1.RestartPolicyAlways {
		return fmt.Errorf("deployment made otherwise than sent: %v", made.Spec)
	}
	say(lineOf("created", "Deployment", made))
	scale, err := deployments.GetScale(ctx, "typed", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get scale: %w", err)
	}
	if scale.Spec.Replicas != 0 || scale.Status.Selector != "app=typed" {
		return fmt.Errorf("scale: %v", scale)
	}
	// The controller writes the status meanwhile: a conflict is read again and tried again, as programs do.
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		newest, err := deployments.Get(ctx, "typed", metav1.GetOptions{})
		if err != nil {
			return err
		}
		newest.Spec.Template.Spec.Containers[0].Image = "demo:2"
		updated, err := deployments.Update(ctx, newest, metav1.UpdateOptions{})
		if err == nil {
			say(lineOf("updated", "Deployment", updated))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("update deployment: %w", err)
	}
	foreground := metav1.DeletePropagationForeground
	return deployments.DeleteCollection(ctx, metav1.DeleteOptions{PropagationPolicy: &foreground}, metav1.ListOptions{LabelSelector: "by=go"})
}

// Runs for the Lease until the end, and says who leads.
func lead(ctx context.Context, client kubernetes.Interface, namespace, name, identity string, lasts time.Duration) error {
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: name, Namespace: namespace},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   3 * lasts,
		RenewDeadline:   2 * lasts,
		RetryPeriod:     lasts / 4,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { say(Line{Event: "leading", Name: identity}) },
			OnStoppedLeading: func() { say(Line{Event: "stopped", Name: identity}) },
			OnNewLeader:      func(leader string) { say(Line{Event: "leader", Name: leader}) },
		},
	})
	return nil
}

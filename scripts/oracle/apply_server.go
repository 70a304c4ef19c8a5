// What of the API server stands around the field manager in some cases:
// defaults of a few kinds, and the scale subresource.
package main

import (
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

func typeOf(value runtime.Object) reflect.Type { return reflect.TypeOf(value).Elem() }

// defaulter sets the documented defaults of Deployments and Services; the libraries have none.
type defaulter struct{ on bool }

func (d defaulter) Default(value runtime.Object) {
	if !d.on {
		return
	}
	switch typed := value.(type) {
	case *appsv1.Deployment:
		defaultDeployment(&typed.Spec)
	case *corev1.Service:
		defaultService(&typed.Spec)
	}
}

func pointer[T any](value T) *T { return &value }

func orElse[T comparable](target *T, value T) {
	var zero T
	if *target == zero {
		*target = value
	}
}

func defaultDeployment(spec *appsv1.DeploymentSpec) {
	orElse(&spec.Replicas, pointer[int32](1))
	orElse(&spec.RevisionHistoryLimit, pointer[int32](10))
	orElse(&spec.ProgressDeadlineSeconds, pointer[int32](600))
	orElse(&spec.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		orElse(&spec.Strategy.RollingUpdate, &appsv1.RollingUpdateDeployment{})
		orElse(&spec.Strategy.RollingUpdate.MaxSurge, pointer(intstr.FromString("25%")))
		orElse(&spec.Strategy.RollingUpdate.MaxUnavailable, pointer(intstr.FromString("25%")))
	}
	pod := &spec.Template.Spec
	orElse(&pod.RestartPolicy, corev1.RestartPolicyAlways)
	orElse(&pod.DNSPolicy, corev1.DNSClusterFirst)
	orElse(&pod.TerminationGracePeriodSeconds, pointer[int64](30))
	orElse(&pod.SchedulerName, "default-scheduler")
	orElse(&pod.SecurityContext, &corev1.PodSecurityContext{})
	for index := range pod.Containers {
		container := &pod.Containers[index]
		orElse(&container.TerminationMessagePath, "/dev/termination-log")
		orElse(&container.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
		orElse(&container.ImagePullPolicy, corev1.PullIfNotPresent)
		for number := range container.Ports {
			orElse(&container.Ports[number].Protocol, corev1.ProtocolTCP)
		}
	}
}

func defaultService(spec *corev1.ServiceSpec) {
	orElse(&spec.Type, corev1.ServiceTypeClusterIP)
	orElse(&spec.SessionAffinity, corev1.ServiceAffinityNone)
	orElse(&spec.InternalTrafficPolicy, pointer(corev1.ServiceInternalTrafficPolicyCluster))
	if spec.Type == corev1.ServiceTypeNodePort || spec.Type == corev1.ServiceTypeLoadBalancer {
		orElse(&spec.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster)
	}
	for index := range spec.Ports {
		port := &spec.Ports[index]
		orElse(&port.Protocol, corev1.ProtocolTCP)
		if port.TargetPort == intstr.FromInt32(0) || port.TargetPort == intstr.FromString("") {
			port.TargetPort = intstr.FromInt32(port.Port)
		}
	}
}

// scale sends a Scale to the subresource, with the managers of spec.replicas carried over and back.
func (q *sequence) scale(one step) (runtime.Object, error) {
	parent := q.live.DeepCopyObject().(*appsv1.Deployment)
	version := q.kind.GroupVersion()
	handler := managedfields.NewScaleHandler(parent.ManagedFields, version, managedfields.ResourcePathMappings{
		version.String(): fieldpath.MakePathOrDie("spec", "replicas"),
	})
	entries, err := handler.ToSubresource()
	if err != nil {
		return nil, err
	}
	live := &autoscalingv1.Scale{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v1", Kind: "Scale"},
		ObjectMeta: metav1.ObjectMeta{Name: parent.Name, UID: parent.UID, ManagedFields: entries},
		Status:     autoscalingv1.ScaleStatus{Replicas: parent.Status.Replicas},
	}
	if parent.Spec.Replicas != nil {
		live.Spec.Replicas = *parent.Spec.Replicas
	}
	kind := autoscalingv1.SchemeGroupVersion.WithKind("Scale")
	manager, err := managedfields.NewDefaultFieldManager(scaleConverter, scheme.Scheme, defaulter{}, scheme.Scheme,
		kind, kind.GroupVersion(), "scale", nil)
	if err != nil {
		panic(err)
	}
	var result runtime.Object
	if one.Op == "scaleApply" {
		result, err = manager.Apply(live, &unstructured.Unstructured{Object: clone(one.Object)}, one.Manager, one.Force)
	} else {
		changed := live.DeepCopy()
		changed.Spec.Replicas = int32(one.Object["spec"].(object)["replicas"].(int64))
		result, err = manager.Update(live, changed, one.Manager)
	}
	if err != nil {
		return nil, err
	}
	scaled, ok := result.(*autoscalingv1.Scale)
	if !ok {
		panic(fmt.Sprintf("a Scale became %T", result))
	}
	parent.Spec.Replicas = &scaled.Spec.Replicas
	parent.ManagedFields, err = handler.ToParent(scaled.ManagedFields)
	return parent, err
}

// scaleConverter knows the type Scale, which client-go's schema lacks: nobody applies it as a whole.
var scaleConverter = func() managedfields.TypeConverter {
	parser, err := typed.NewParser(typed.YAMLObject(`types:
- name: io.k8s.api.autoscaling.v1.Scale
  map:
    fields:
    - {name: apiVersion, type: {scalar: string}}
    - {name: kind, type: {scalar: string}}
    - {name: metadata, type: {namedType: metadata}}
    - {name: spec, type: {namedType: spec}, default: {}}
    - {name: status, type: {namedType: status}, default: {}}
- name: metadata
  map:
    elementType: {namedType: any}
- name: spec
  map:
    fields:
    - {name: replicas, type: {scalar: numeric}}
- name: status
  map:
    fields:
    - {name: replicas, type: {scalar: numeric}, default: 0}
    - {name: selector, type: {scalar: string}}
- name: any
  scalar: untyped
  list:
    elementType: {namedType: any}
    elementRelationship: atomic
  map:
    elementType: {namedType: any}
    elementRelationship: separable
`))
	if err != nil {
		panic(err)
	}
	return managedfields.NewSchemeTypeConverter(scheme.Scheme, parser)
}()

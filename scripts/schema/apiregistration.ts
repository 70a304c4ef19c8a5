// The types of apiregistration.k8s.io/v1 as Go declarations: Debian does not
// package kube-aggregator, which defines them.
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/api-service-v1/

export const apiRegistrationSource = `
import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Where the server of a group version is reached inside the cluster.
type ServiceReference struct {
	// Namespace of the service.
	Namespace string \`json:"namespace,omitempty" protobuf:"bytes,1,opt,name=namespace"\`
	// Name of the service.
	Name string \`json:"name,omitempty" protobuf:"bytes,2,opt,name=name"\`
	// Port of the service, 443 by default.
	// +optional
	Port *int32 \`json:"port,omitempty" protobuf:"varint,3,opt,name=port"\`
}

// The server that a group version comes from, and its place among others.
type APIServiceSpec struct {
	// Service that serves the group version; none when this server does so itself.
	// +optional
	Service *ServiceReference \`json:"service,omitempty" protobuf:"bytes,1,opt,name=service"\`
	// API group.
	Group string \`json:"group,omitempty" protobuf:"bytes,2,opt,name=group"\`
	// API version.
	Version string \`json:"version,omitempty" protobuf:"bytes,3,opt,name=version"\`
	// Whether the server's certificate is taken unverified.
	InsecureSkipTLSVerify bool \`json:"insecureSkipTLSVerify,omitempty" protobuf:"varint,4,opt,name=insecureSkipTLSVerify"\`
	// PEM certificates that sign the server's certificate.
	// +optional
	// +listType=atomic
	CABundle []byte \`json:"caBundle,omitempty" protobuf:"bytes,5,opt,name=caBundle"\`
	// Priority of the group: higher ones are listed first.
	GroupPriorityMinimum int32 \`json:"groupPriorityMinimum" protobuf:"varint,7,opt,name=groupPriorityMinimum"\`
	// Priority of the version within its group.
	VersionPriority int32 \`json:"versionPriority" protobuf:"varint,8,opt,name=versionPriority"\`
}

// State of an APIService at one point.
type APIServiceCondition struct {
	// Type of the condition.
	Type string \`json:"type" protobuf:"bytes,1,opt,name=type"\`
	// True, False or Unknown.
	Status string \`json:"status" protobuf:"bytes,2,opt,name=status"\`
	// Last time that the status changed.
	// +optional
	LastTransitionTime metav1.Time \`json:"lastTransitionTime,omitempty" protobuf:"bytes,3,opt,name=lastTransitionTime"\`
	// Reason of the last change, one word.
	// +optional
	Reason string \`json:"reason,omitempty" protobuf:"bytes,4,opt,name=reason"\`
	// Details of the last change.
	// +optional
	Message string \`json:"message,omitempty" protobuf:"bytes,5,opt,name=message"\`
}

// What the server knows of an APIService.
type APIServiceStatus struct {
	// Current state.
	// +optional
	// +patchMergeKey=type
	// +patchStrategy=merge
	// +listType=map
	// +listMapKey=type
	Conditions []APIServiceCondition \`json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type" protobuf:"bytes,1,rep,name=conditions"\`
}

// A server of a group version.
type APIService struct {
	metav1.TypeMeta \`json:",inline"\`
	// Standard object's metadata.
	// +optional
	metav1.ObjectMeta \`json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"\`
	// Where the server is.
	Spec APIServiceSpec \`json:"spec,omitempty" protobuf:"bytes,2,opt,name=spec"\`
	// What is known of it.
	Status APIServiceStatus \`json:"status,omitempty" protobuf:"bytes,3,opt,name=status"\`
}
`;

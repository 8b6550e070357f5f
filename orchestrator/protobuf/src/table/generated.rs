//! Messages and kinds. Derived by `cargo xtask schema` from the k8s-pb crate and data/go-fields.txt.

use super::{Field, Kind::*, Message, Presence::*, Shape::*};

pub(super) static KINDS: &[(&str, &str, &Message)] = &[
    ("*", "CreateOptions", &APIMACHINERY_META_V1_CREATEOPTIONS),
    ("*", "DeleteOptions", &APIMACHINERY_META_V1_DELETEOPTIONS),
    ("*", "GetOptions", &APIMACHINERY_META_V1_GETOPTIONS),
    ("*", "ListOptions", &APIMACHINERY_META_V1_LISTOPTIONS),
    ("*", "PatchOptions", &APIMACHINERY_META_V1_PATCHOPTIONS),
    ("*", "UpdateOptions", &APIMACHINERY_META_V1_UPDATEOPTIONS),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", &API_ADMISSIONREGISTRATION_V1_MUTATINGWEBHOOKCONFIGURATION),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfigurationList", &API_ADMISSIONREGISTRATION_V1_MUTATINGWEBHOOKCONFIGURATIONLIST),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", &API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICY),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", &API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYBINDING),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBindingList", &API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYBINDINGLIST),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyList", &API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYLIST),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", &API_ADMISSIONREGISTRATION_V1_VALIDATINGWEBHOOKCONFIGURATION),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfigurationList", &API_ADMISSIONREGISTRATION_V1_VALIDATINGWEBHOOKCONFIGURATIONLIST),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", &APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITION),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinitionList", &APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONLIST),
    ("apiregistration.k8s.io/v1", "APIService", &KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICE),
    ("apiregistration.k8s.io/v1", "APIServiceList", &KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICELIST),
    ("apps/v1", "ControllerRevision", &API_APPS_V1_CONTROLLERREVISION),
    ("apps/v1", "ControllerRevisionList", &API_APPS_V1_CONTROLLERREVISIONLIST),
    ("apps/v1", "DaemonSet", &API_APPS_V1_DAEMONSET),
    ("apps/v1", "DaemonSetList", &API_APPS_V1_DAEMONSETLIST),
    ("apps/v1", "Deployment", &API_APPS_V1_DEPLOYMENT),
    ("apps/v1", "DeploymentList", &API_APPS_V1_DEPLOYMENTLIST),
    ("apps/v1", "ReplicaSet", &API_APPS_V1_REPLICASET),
    ("apps/v1", "ReplicaSetList", &API_APPS_V1_REPLICASETLIST),
    ("apps/v1", "StatefulSet", &API_APPS_V1_STATEFULSET),
    ("apps/v1", "StatefulSetList", &API_APPS_V1_STATEFULSETLIST),
    ("authentication.k8s.io/v1", "SelfSubjectReview", &API_AUTHENTICATION_V1_SELFSUBJECTREVIEW),
    ("authentication.k8s.io/v1", "TokenRequest", &API_AUTHENTICATION_V1_TOKENREQUEST),
    ("authentication.k8s.io/v1", "TokenReview", &API_AUTHENTICATION_V1_TOKENREVIEW),
    ("authorization.k8s.io/v1", "LocalSubjectAccessReview", &API_AUTHORIZATION_V1_LOCALSUBJECTACCESSREVIEW),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview", &API_AUTHORIZATION_V1_SELFSUBJECTACCESSREVIEW),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview", &API_AUTHORIZATION_V1_SELFSUBJECTRULESREVIEW),
    ("authorization.k8s.io/v1", "SubjectAccessReview", &API_AUTHORIZATION_V1_SUBJECTACCESSREVIEW),
    ("autoscaling/v1", "HorizontalPodAutoscaler", &API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALER),
    ("autoscaling/v1", "HorizontalPodAutoscalerList", &API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALERLIST),
    ("autoscaling/v1", "Scale", &API_AUTOSCALING_V1_SCALE),
    ("autoscaling/v2", "HorizontalPodAutoscaler", &API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALER),
    ("autoscaling/v2", "HorizontalPodAutoscalerList", &API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERLIST),
    ("batch/v1", "CronJob", &API_BATCH_V1_CRONJOB),
    ("batch/v1", "CronJobList", &API_BATCH_V1_CRONJOBLIST),
    ("batch/v1", "Job", &API_BATCH_V1_JOB),
    ("batch/v1", "JobList", &API_BATCH_V1_JOBLIST),
    ("certificates.k8s.io/v1", "CertificateSigningRequest", &API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUEST),
    ("certificates.k8s.io/v1", "CertificateSigningRequestList", &API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUESTLIST),
    ("coordination.k8s.io/v1", "Lease", &API_COORDINATION_V1_LEASE),
    ("coordination.k8s.io/v1", "LeaseList", &API_COORDINATION_V1_LEASELIST),
    ("discovery.k8s.io/v1", "EndpointSlice", &API_DISCOVERY_V1_ENDPOINTSLICE),
    ("discovery.k8s.io/v1", "EndpointSliceList", &API_DISCOVERY_V1_ENDPOINTSLICELIST),
    ("events.k8s.io/v1", "Event", &API_EVENTS_V1_EVENT),
    ("events.k8s.io/v1", "EventList", &API_EVENTS_V1_EVENTLIST),
    ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", &API_FLOWCONTROL_V1_FLOWSCHEMA),
    ("flowcontrol.apiserver.k8s.io/v1", "FlowSchemaList", &API_FLOWCONTROL_V1_FLOWSCHEMALIST),
    ("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", &API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATION),
    ("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfigurationList", &API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONLIST),
    ("networking.k8s.io/v1", "IPAddress", &API_NETWORKING_V1_IPADDRESS),
    ("networking.k8s.io/v1", "IPAddressList", &API_NETWORKING_V1_IPADDRESSLIST),
    ("networking.k8s.io/v1", "Ingress", &API_NETWORKING_V1_INGRESS),
    ("networking.k8s.io/v1", "IngressClass", &API_NETWORKING_V1_INGRESSCLASS),
    ("networking.k8s.io/v1", "IngressClassList", &API_NETWORKING_V1_INGRESSCLASSLIST),
    ("networking.k8s.io/v1", "IngressList", &API_NETWORKING_V1_INGRESSLIST),
    ("networking.k8s.io/v1", "NetworkPolicy", &API_NETWORKING_V1_NETWORKPOLICY),
    ("networking.k8s.io/v1", "NetworkPolicyList", &API_NETWORKING_V1_NETWORKPOLICYLIST),
    ("networking.k8s.io/v1", "ServiceCIDR", &API_NETWORKING_V1_SERVICECIDR),
    ("networking.k8s.io/v1", "ServiceCIDRList", &API_NETWORKING_V1_SERVICECIDRLIST),
    ("node.k8s.io/v1", "RuntimeClass", &API_NODE_V1_RUNTIMECLASS),
    ("node.k8s.io/v1", "RuntimeClassList", &API_NODE_V1_RUNTIMECLASSLIST),
    ("policy/v1", "Eviction", &API_POLICY_V1_EVICTION),
    ("policy/v1", "PodDisruptionBudget", &API_POLICY_V1_PODDISRUPTIONBUDGET),
    ("policy/v1", "PodDisruptionBudgetList", &API_POLICY_V1_PODDISRUPTIONBUDGETLIST),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", &API_RBAC_V1_CLUSTERROLE),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", &API_RBAC_V1_CLUSTERROLEBINDING),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBindingList", &API_RBAC_V1_CLUSTERROLEBINDINGLIST),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleList", &API_RBAC_V1_CLUSTERROLELIST),
    ("rbac.authorization.k8s.io/v1", "Role", &API_RBAC_V1_ROLE),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", &API_RBAC_V1_ROLEBINDING),
    ("rbac.authorization.k8s.io/v1", "RoleBindingList", &API_RBAC_V1_ROLEBINDINGLIST),
    ("rbac.authorization.k8s.io/v1", "RoleList", &API_RBAC_V1_ROLELIST),
    ("resource.k8s.io/v1beta2", "DeviceClass", &API_RESOURCE_V1BETA2_DEVICECLASS),
    ("resource.k8s.io/v1beta2", "DeviceClassList", &API_RESOURCE_V1BETA2_DEVICECLASSLIST),
    ("resource.k8s.io/v1beta2", "ResourceClaim", &API_RESOURCE_V1BETA2_RESOURCECLAIM),
    ("resource.k8s.io/v1beta2", "ResourceClaimList", &API_RESOURCE_V1BETA2_RESOURCECLAIMLIST),
    ("resource.k8s.io/v1beta2", "ResourceClaimTemplate", &API_RESOURCE_V1BETA2_RESOURCECLAIMTEMPLATE),
    ("resource.k8s.io/v1beta2", "ResourceClaimTemplateList", &API_RESOURCE_V1BETA2_RESOURCECLAIMTEMPLATELIST),
    ("resource.k8s.io/v1beta2", "ResourceSlice", &API_RESOURCE_V1BETA2_RESOURCESLICE),
    ("resource.k8s.io/v1beta2", "ResourceSliceList", &API_RESOURCE_V1BETA2_RESOURCESLICELIST),
    ("scheduling.k8s.io/v1", "PriorityClass", &API_SCHEDULING_V1_PRIORITYCLASS),
    ("scheduling.k8s.io/v1", "PriorityClassList", &API_SCHEDULING_V1_PRIORITYCLASSLIST),
    ("storage.k8s.io/v1", "CSIDriver", &API_STORAGE_V1_CSIDRIVER),
    ("storage.k8s.io/v1", "CSIDriverList", &API_STORAGE_V1_CSIDRIVERLIST),
    ("storage.k8s.io/v1", "CSINode", &API_STORAGE_V1_CSINODE),
    ("storage.k8s.io/v1", "CSINodeList", &API_STORAGE_V1_CSINODELIST),
    ("storage.k8s.io/v1", "CSIStorageCapacity", &API_STORAGE_V1_CSISTORAGECAPACITY),
    ("storage.k8s.io/v1", "CSIStorageCapacityList", &API_STORAGE_V1_CSISTORAGECAPACITYLIST),
    ("storage.k8s.io/v1", "StorageClass", &API_STORAGE_V1_STORAGECLASS),
    ("storage.k8s.io/v1", "StorageClassList", &API_STORAGE_V1_STORAGECLASSLIST),
    ("storage.k8s.io/v1", "VolumeAttachment", &API_STORAGE_V1_VOLUMEATTACHMENT),
    ("storage.k8s.io/v1", "VolumeAttachmentList", &API_STORAGE_V1_VOLUMEATTACHMENTLIST),
    ("storage.k8s.io/v1beta1", "VolumeAttributesClass", &API_STORAGE_V1BETA1_VOLUMEATTRIBUTESCLASS),
    ("storage.k8s.io/v1beta1", "VolumeAttributesClassList", &API_STORAGE_V1BETA1_VOLUMEATTRIBUTESCLASSLIST),
    ("v1", "Binding", &API_CORE_V1_BINDING),
    ("v1", "ComponentStatus", &API_CORE_V1_COMPONENTSTATUS),
    ("v1", "ComponentStatusList", &API_CORE_V1_COMPONENTSTATUSLIST),
    ("v1", "ConfigMap", &API_CORE_V1_CONFIGMAP),
    ("v1", "ConfigMapList", &API_CORE_V1_CONFIGMAPLIST),
    ("v1", "Endpoints", &API_CORE_V1_ENDPOINTS),
    ("v1", "EndpointsList", &API_CORE_V1_ENDPOINTSLIST),
    ("v1", "Event", &API_CORE_V1_EVENT),
    ("v1", "EventList", &API_CORE_V1_EVENTLIST),
    ("v1", "LimitRange", &API_CORE_V1_LIMITRANGE),
    ("v1", "LimitRangeList", &API_CORE_V1_LIMITRANGELIST),
    ("v1", "List", &API_CORE_V1_LIST),
    ("v1", "Namespace", &API_CORE_V1_NAMESPACE),
    ("v1", "NamespaceList", &API_CORE_V1_NAMESPACELIST),
    ("v1", "Node", &API_CORE_V1_NODE),
    ("v1", "NodeList", &API_CORE_V1_NODELIST),
    ("v1", "NodeProxyOptions", &API_CORE_V1_NODEPROXYOPTIONS),
    ("v1", "PersistentVolume", &API_CORE_V1_PERSISTENTVOLUME),
    ("v1", "PersistentVolumeClaim", &API_CORE_V1_PERSISTENTVOLUMECLAIM),
    ("v1", "PersistentVolumeClaimList", &API_CORE_V1_PERSISTENTVOLUMECLAIMLIST),
    ("v1", "PersistentVolumeList", &API_CORE_V1_PERSISTENTVOLUMELIST),
    ("v1", "Pod", &API_CORE_V1_POD),
    ("v1", "PodAttachOptions", &API_CORE_V1_PODATTACHOPTIONS),
    ("v1", "PodExecOptions", &API_CORE_V1_PODEXECOPTIONS),
    ("v1", "PodList", &API_CORE_V1_PODLIST),
    ("v1", "PodLogOptions", &API_CORE_V1_PODLOGOPTIONS),
    ("v1", "PodPortForwardOptions", &API_CORE_V1_PODPORTFORWARDOPTIONS),
    ("v1", "PodProxyOptions", &API_CORE_V1_PODPROXYOPTIONS),
    ("v1", "PodStatusResult", &API_CORE_V1_PODSTATUSRESULT),
    ("v1", "PodTemplate", &API_CORE_V1_PODTEMPLATE),
    ("v1", "PodTemplateList", &API_CORE_V1_PODTEMPLATELIST),
    ("v1", "RangeAllocation", &API_CORE_V1_RANGEALLOCATION),
    ("v1", "ReplicationController", &API_CORE_V1_REPLICATIONCONTROLLER),
    ("v1", "ReplicationControllerList", &API_CORE_V1_REPLICATIONCONTROLLERLIST),
    ("v1", "ResourceQuota", &API_CORE_V1_RESOURCEQUOTA),
    ("v1", "ResourceQuotaList", &API_CORE_V1_RESOURCEQUOTALIST),
    ("v1", "Secret", &API_CORE_V1_SECRET),
    ("v1", "SecretList", &API_CORE_V1_SECRETLIST),
    ("v1", "SerializedReference", &API_CORE_V1_SERIALIZEDREFERENCE),
    ("v1", "Service", &API_CORE_V1_SERVICE),
    ("v1", "ServiceAccount", &API_CORE_V1_SERVICEACCOUNT),
    ("v1", "ServiceAccountList", &API_CORE_V1_SERVICEACCOUNTLIST),
    ("v1", "ServiceList", &API_CORE_V1_SERVICELIST),
    ("v1", "ServiceProxyOptions", &API_CORE_V1_SERVICEPROXYOPTIONS),
];

static API_ADMISSIONREGISTRATION_V1_AUDITANNOTATION: Message = Message(&[
    Field(1, "key", Always, One, String),
    Field(2, "valueExpression", Always, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_EXPRESSIONWARNING: Message = Message(&[
    Field(2, "fieldRef", Always, One, String),
    Field(3, "warning", Always, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_MATCHCONDITION: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "expression", Always, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_MATCHRESOURCES: Message = Message(&[
    Field(1, "namespaceSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(2, "objectSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(3, "resourceRules", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_NAMEDRULEWITHOPERATIONS)),
    Field(4, "excludeResourceRules", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_NAMEDRULEWITHOPERATIONS)),
    Field(7, "matchPolicy", Optional, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_MUTATINGWEBHOOK: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "clientConfig", Always, One, Nested(&API_ADMISSIONREGISTRATION_V1_WEBHOOKCLIENTCONFIG)),
    Field(3, "rules", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_RULEWITHOPERATIONS)),
    Field(4, "failurePolicy", Optional, One, String),
    Field(5, "namespaceSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(6, "sideEffects", Nullable, One, String),
    Field(7, "timeoutSeconds", Optional, One, Int32),
    Field(8, "admissionReviewVersions", Always, List, String),
    Field(9, "matchPolicy", Optional, One, String),
    Field(10, "reinvocationPolicy", Optional, One, String),
    Field(11, "objectSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(12, "matchConditions", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_MATCHCONDITION)),
]);

static API_ADMISSIONREGISTRATION_V1_MUTATINGWEBHOOKCONFIGURATION: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "webhooks", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_MUTATINGWEBHOOK)),
]);

static API_ADMISSIONREGISTRATION_V1_MUTATINGWEBHOOKCONFIGURATIONLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_ADMISSIONREGISTRATION_V1_MUTATINGWEBHOOKCONFIGURATION)),
]);

static API_ADMISSIONREGISTRATION_V1_NAMEDRULEWITHOPERATIONS: Message = Message(&[
    Field(1, "resourceNames", OmitZero, List, String),
    Field(2, "", Inline, One, Nested(&API_ADMISSIONREGISTRATION_V1_RULEWITHOPERATIONS)),
]);

static API_ADMISSIONREGISTRATION_V1_PARAMKIND: Message = Message(&[
    Field(1, "apiVersion", OmitZero, One, String),
    Field(2, "kind", OmitZero, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_PARAMREF: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
    Field(2, "namespace", OmitZero, One, String),
    Field(3, "selector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(4, "parameterNotFoundAction", Optional, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_RULE: Message = Message(&[
    Field(1, "apiGroups", OmitZero, List, String),
    Field(2, "apiVersions", OmitZero, List, String),
    Field(3, "resources", OmitZero, List, String),
    Field(4, "scope", Optional, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_RULEWITHOPERATIONS: Message = Message(&[
    Field(1, "operations", OmitZero, List, String),
    Field(2, "", Inline, One, Nested(&API_ADMISSIONREGISTRATION_V1_RULE)),
]);

static API_ADMISSIONREGISTRATION_V1_SERVICEREFERENCE: Message = Message(&[
    Field(1, "namespace", Always, One, String),
    Field(2, "name", Always, One, String),
    Field(3, "path", Optional, One, String),
    Field(4, "port", Optional, One, Int32),
]);

static API_ADMISSIONREGISTRATION_V1_TYPECHECKING: Message = Message(&[
    Field(1, "expressionWarnings", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_EXPRESSIONWARNING)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICY: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYSPEC)),
    Field(3, "status", Always, One, Nested(&API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYSTATUS)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYBINDING: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYBINDINGSPEC)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYBINDINGLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYBINDING)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYBINDINGSPEC: Message = Message(&[
    Field(1, "policyName", OmitZero, One, String),
    Field(2, "paramRef", Optional, One, Nested(&API_ADMISSIONREGISTRATION_V1_PARAMREF)),
    Field(3, "matchResources", Optional, One, Nested(&API_ADMISSIONREGISTRATION_V1_MATCHRESOURCES)),
    Field(4, "validationActions", OmitZero, List, String),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICY)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYSPEC: Message = Message(&[
    Field(1, "paramKind", Optional, One, Nested(&API_ADMISSIONREGISTRATION_V1_PARAMKIND)),
    Field(2, "matchConstraints", Optional, One, Nested(&API_ADMISSIONREGISTRATION_V1_MATCHRESOURCES)),
    Field(3, "validations", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_VALIDATION)),
    Field(4, "failurePolicy", Optional, One, String),
    Field(5, "auditAnnotations", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_AUDITANNOTATION)),
    Field(6, "matchConditions", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_MATCHCONDITION)),
    Field(7, "variables", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_VARIABLE)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGADMISSIONPOLICYSTATUS: Message = Message(&[
    Field(1, "observedGeneration", OmitZero, One, Int64),
    Field(2, "typeChecking", Optional, One, Nested(&API_ADMISSIONREGISTRATION_V1_TYPECHECKING)),
    Field(3, "conditions", OmitZero, List, Nested(&APIMACHINERY_META_V1_CONDITION)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGWEBHOOK: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "clientConfig", Always, One, Nested(&API_ADMISSIONREGISTRATION_V1_WEBHOOKCLIENTCONFIG)),
    Field(3, "rules", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_RULEWITHOPERATIONS)),
    Field(4, "failurePolicy", Optional, One, String),
    Field(5, "namespaceSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(6, "sideEffects", Nullable, One, String),
    Field(7, "timeoutSeconds", Optional, One, Int32),
    Field(8, "admissionReviewVersions", Always, List, String),
    Field(9, "matchPolicy", Optional, One, String),
    Field(10, "objectSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(11, "matchConditions", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_MATCHCONDITION)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGWEBHOOKCONFIGURATION: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "webhooks", OmitZero, List, Nested(&API_ADMISSIONREGISTRATION_V1_VALIDATINGWEBHOOK)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATINGWEBHOOKCONFIGURATIONLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_ADMISSIONREGISTRATION_V1_VALIDATINGWEBHOOKCONFIGURATION)),
]);

static API_ADMISSIONREGISTRATION_V1_VALIDATION: Message = Message(&[
    Field(1, "expression", Always, One, String),
    Field(2, "message", OmitZero, One, String),
    Field(3, "reason", Optional, One, String),
    Field(4, "messageExpression", OmitZero, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_VARIABLE: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "expression", Always, One, String),
]);

static API_ADMISSIONREGISTRATION_V1_WEBHOOKCLIENTCONFIG: Message = Message(&[
    Field(1, "service", Optional, One, Nested(&API_ADMISSIONREGISTRATION_V1_SERVICEREFERENCE)),
    Field(2, "caBundle", OmitZero, One, Bytes),
    Field(3, "url", Optional, One, String),
]);

static API_APPS_V1_CONTROLLERREVISION: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "data", Always, One, Json),
    Field(3, "revision", Always, One, Int64),
]);

static API_APPS_V1_CONTROLLERREVISIONLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_APPS_V1_CONTROLLERREVISION)),
]);

static API_APPS_V1_DAEMONSET: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_APPS_V1_DAEMONSETSPEC)),
    Field(3, "status", Always, One, Nested(&API_APPS_V1_DAEMONSETSTATUS)),
]);

static API_APPS_V1_DAEMONSETCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static API_APPS_V1_DAEMONSETLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_APPS_V1_DAEMONSET)),
]);

static API_APPS_V1_DAEMONSETSPEC: Message = Message(&[
    Field(1, "selector", Nullable, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(2, "template", Always, One, Nested(&API_CORE_V1_PODTEMPLATESPEC)),
    Field(3, "updateStrategy", Always, One, Nested(&API_APPS_V1_DAEMONSETUPDATESTRATEGY)),
    Field(4, "minReadySeconds", OmitZero, One, Int32),
    Field(6, "revisionHistoryLimit", Optional, One, Int32),
]);

static API_APPS_V1_DAEMONSETSTATUS: Message = Message(&[
    Field(1, "currentNumberScheduled", Always, One, Int32),
    Field(2, "numberMisscheduled", Always, One, Int32),
    Field(3, "desiredNumberScheduled", Always, One, Int32),
    Field(4, "numberReady", Always, One, Int32),
    Field(5, "observedGeneration", OmitZero, One, Int64),
    Field(6, "updatedNumberScheduled", OmitZero, One, Int32),
    Field(7, "numberAvailable", OmitZero, One, Int32),
    Field(8, "numberUnavailable", OmitZero, One, Int32),
    Field(9, "collisionCount", Optional, One, Int32),
    Field(10, "conditions", OmitZero, List, Nested(&API_APPS_V1_DAEMONSETCONDITION)),
]);

static API_APPS_V1_DAEMONSETUPDATESTRATEGY: Message = Message(&[
    Field(1, "type", OmitZero, One, String),
    Field(2, "rollingUpdate", Optional, One, Nested(&API_APPS_V1_ROLLINGUPDATEDAEMONSET)),
]);

static API_APPS_V1_DEPLOYMENT: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_APPS_V1_DEPLOYMENTSPEC)),
    Field(3, "status", Always, One, Nested(&API_APPS_V1_DEPLOYMENTSTATUS)),
]);

static API_APPS_V1_DEPLOYMENTCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
    Field(6, "lastUpdateTime", Always, One, Time),
    Field(7, "lastTransitionTime", Always, One, Time),
]);

static API_APPS_V1_DEPLOYMENTLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_APPS_V1_DEPLOYMENT)),
]);

static API_APPS_V1_DEPLOYMENTSPEC: Message = Message(&[
    Field(1, "replicas", Optional, One, Int32),
    Field(2, "selector", Nullable, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(3, "template", Always, One, Nested(&API_CORE_V1_PODTEMPLATESPEC)),
    Field(4, "strategy", Always, One, Nested(&API_APPS_V1_DEPLOYMENTSTRATEGY)),
    Field(5, "minReadySeconds", OmitZero, One, Int32),
    Field(6, "revisionHistoryLimit", Optional, One, Int32),
    Field(7, "paused", OmitZero, One, Bool),
    Field(9, "progressDeadlineSeconds", Optional, One, Int32),
]);

static API_APPS_V1_DEPLOYMENTSTATUS: Message = Message(&[
    Field(1, "observedGeneration", OmitZero, One, Int64),
    Field(2, "replicas", OmitZero, One, Int32),
    Field(3, "updatedReplicas", OmitZero, One, Int32),
    Field(4, "availableReplicas", OmitZero, One, Int32),
    Field(5, "unavailableReplicas", OmitZero, One, Int32),
    Field(6, "conditions", OmitZero, List, Nested(&API_APPS_V1_DEPLOYMENTCONDITION)),
    Field(7, "readyReplicas", OmitZero, One, Int32),
    Field(8, "collisionCount", Optional, One, Int32),
    Field(9, "terminatingReplicas", Optional, One, Int32),
]);

static API_APPS_V1_DEPLOYMENTSTRATEGY: Message = Message(&[
    Field(1, "type", OmitZero, One, String),
    Field(2, "rollingUpdate", Optional, One, Nested(&API_APPS_V1_ROLLINGUPDATEDEPLOYMENT)),
]);

static API_APPS_V1_REPLICASET: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_APPS_V1_REPLICASETSPEC)),
    Field(3, "status", Always, One, Nested(&API_APPS_V1_REPLICASETSTATUS)),
]);

static API_APPS_V1_REPLICASETCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static API_APPS_V1_REPLICASETLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_APPS_V1_REPLICASET)),
]);

static API_APPS_V1_REPLICASETSPEC: Message = Message(&[
    Field(1, "replicas", Optional, One, Int32),
    Field(2, "selector", Nullable, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(3, "template", Always, One, Nested(&API_CORE_V1_PODTEMPLATESPEC)),
    Field(4, "minReadySeconds", OmitZero, One, Int32),
]);

static API_APPS_V1_REPLICASETSTATUS: Message = Message(&[
    Field(1, "replicas", Always, One, Int32),
    Field(2, "fullyLabeledReplicas", OmitZero, One, Int32),
    Field(3, "observedGeneration", OmitZero, One, Int64),
    Field(4, "readyReplicas", OmitZero, One, Int32),
    Field(5, "availableReplicas", OmitZero, One, Int32),
    Field(6, "conditions", OmitZero, List, Nested(&API_APPS_V1_REPLICASETCONDITION)),
    Field(7, "terminatingReplicas", Optional, One, Int32),
]);

static API_APPS_V1_ROLLINGUPDATEDAEMONSET: Message = Message(&[
    Field(1, "maxUnavailable", Optional, One, IntOrString),
    Field(2, "maxSurge", Optional, One, IntOrString),
]);

static API_APPS_V1_ROLLINGUPDATEDEPLOYMENT: Message = Message(&[
    Field(1, "maxUnavailable", Optional, One, IntOrString),
    Field(2, "maxSurge", Optional, One, IntOrString),
]);

static API_APPS_V1_ROLLINGUPDATESTATEFULSETSTRATEGY: Message = Message(&[
    Field(1, "partition", Optional, One, Int32),
    Field(2, "maxUnavailable", Optional, One, IntOrString),
]);

static API_APPS_V1_STATEFULSET: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_APPS_V1_STATEFULSETSPEC)),
    Field(3, "status", Always, One, Nested(&API_APPS_V1_STATEFULSETSTATUS)),
]);

static API_APPS_V1_STATEFULSETCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static API_APPS_V1_STATEFULSETLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_APPS_V1_STATEFULSET)),
]);

static API_APPS_V1_STATEFULSETORDINALS: Message = Message(&[
    Field(1, "start", Always, One, Int32),
]);

static API_APPS_V1_STATEFULSETPERSISTENTVOLUMECLAIMRETENTIONPOLICY: Message = Message(&[
    Field(1, "whenDeleted", OmitZero, One, String),
    Field(2, "whenScaled", OmitZero, One, String),
]);

static API_APPS_V1_STATEFULSETSPEC: Message = Message(&[
    Field(1, "replicas", Optional, One, Int32),
    Field(2, "selector", Nullable, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(3, "template", Always, One, Nested(&API_CORE_V1_PODTEMPLATESPEC)),
    Field(4, "volumeClaimTemplates", OmitZero, List, Nested(&API_CORE_V1_PERSISTENTVOLUMECLAIM)),
    Field(5, "serviceName", Always, One, String),
    Field(6, "podManagementPolicy", OmitZero, One, String),
    Field(7, "updateStrategy", Always, One, Nested(&API_APPS_V1_STATEFULSETUPDATESTRATEGY)),
    Field(8, "revisionHistoryLimit", Optional, One, Int32),
    Field(9, "minReadySeconds", OmitZero, One, Int32),
    Field(10, "persistentVolumeClaimRetentionPolicy", Optional, One, Nested(&API_APPS_V1_STATEFULSETPERSISTENTVOLUMECLAIMRETENTIONPOLICY)),
    Field(11, "ordinals", Optional, One, Nested(&API_APPS_V1_STATEFULSETORDINALS)),
]);

static API_APPS_V1_STATEFULSETSTATUS: Message = Message(&[
    Field(1, "observedGeneration", OmitZero, One, Int64),
    Field(2, "replicas", Always, One, Int32),
    Field(3, "readyReplicas", OmitZero, One, Int32),
    Field(4, "currentReplicas", OmitZero, One, Int32),
    Field(5, "updatedReplicas", OmitZero, One, Int32),
    Field(6, "currentRevision", OmitZero, One, String),
    Field(7, "updateRevision", OmitZero, One, String),
    Field(9, "collisionCount", Optional, One, Int32),
    Field(10, "conditions", OmitZero, List, Nested(&API_APPS_V1_STATEFULSETCONDITION)),
    Field(11, "availableReplicas", Always, One, Int32),
]);

static API_APPS_V1_STATEFULSETUPDATESTRATEGY: Message = Message(&[
    Field(1, "type", OmitZero, One, String),
    Field(2, "rollingUpdate", Optional, One, Nested(&API_APPS_V1_ROLLINGUPDATESTATEFULSETSTRATEGY)),
]);

static API_AUTHENTICATION_V1_BOUNDOBJECTREFERENCE: Message = Message(&[
    Field(1, "kind", OmitZero, One, String),
    Field(2, "apiVersion", OmitZero, One, String),
    Field(3, "name", OmitZero, One, String),
    Field(4, "uid", OmitZero, One, String),
]);

static API_AUTHENTICATION_V1_SELFSUBJECTREVIEW: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "status", Always, One, Nested(&API_AUTHENTICATION_V1_SELFSUBJECTREVIEWSTATUS)),
]);

static API_AUTHENTICATION_V1_SELFSUBJECTREVIEWSTATUS: Message = Message(&[
    Field(1, "userInfo", Always, One, Nested(&API_AUTHENTICATION_V1_USERINFO)),
]);

static API_AUTHENTICATION_V1_TOKENREQUEST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTHENTICATION_V1_TOKENREQUESTSPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTHENTICATION_V1_TOKENREQUESTSTATUS)),
]);

static API_AUTHENTICATION_V1_TOKENREQUESTSPEC: Message = Message(&[
    Field(1, "audiences", Always, List, String),
    Field(3, "boundObjectRef", Nullable, One, Nested(&API_AUTHENTICATION_V1_BOUNDOBJECTREFERENCE)),
    Field(4, "expirationSeconds", Nullable, One, Int64),
]);

static API_AUTHENTICATION_V1_TOKENREQUESTSTATUS: Message = Message(&[
    Field(1, "token", Always, One, String),
    Field(2, "expirationTimestamp", Always, One, Time),
]);

static API_AUTHENTICATION_V1_TOKENREVIEW: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTHENTICATION_V1_TOKENREVIEWSPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTHENTICATION_V1_TOKENREVIEWSTATUS)),
]);

static API_AUTHENTICATION_V1_TOKENREVIEWSPEC: Message = Message(&[
    Field(1, "token", OmitZero, One, String),
    Field(2, "audiences", OmitZero, List, String),
]);

static API_AUTHENTICATION_V1_TOKENREVIEWSTATUS: Message = Message(&[
    Field(1, "authenticated", OmitZero, One, Bool),
    Field(2, "user", Always, One, Nested(&API_AUTHENTICATION_V1_USERINFO)),
    Field(3, "error", OmitZero, One, String),
    Field(4, "audiences", OmitZero, List, String),
]);

static API_AUTHENTICATION_V1_USERINFO: Message = Message(&[
    Field(1, "username", OmitZero, One, String),
    Field(2, "uid", OmitZero, One, String),
    Field(3, "groups", OmitZero, List, String),
    Field(4, "extra", OmitZero, Map, Strings),
]);

static API_AUTHORIZATION_V1_FIELDSELECTORATTRIBUTES: Message = Message(&[
    Field(1, "rawSelector", OmitZero, One, String),
    Field(2, "requirements", OmitZero, List, Nested(&APIMACHINERY_META_V1_FIELDSELECTORREQUIREMENT)),
]);

static API_AUTHORIZATION_V1_LABELSELECTORATTRIBUTES: Message = Message(&[
    Field(1, "rawSelector", OmitZero, One, String),
    Field(2, "requirements", OmitZero, List, Nested(&APIMACHINERY_META_V1_LABELSELECTORREQUIREMENT)),
]);

static API_AUTHORIZATION_V1_LOCALSUBJECTACCESSREVIEW: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTHORIZATION_V1_SUBJECTACCESSREVIEWSPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTHORIZATION_V1_SUBJECTACCESSREVIEWSTATUS)),
]);

static API_AUTHORIZATION_V1_NONRESOURCEATTRIBUTES: Message = Message(&[
    Field(1, "path", OmitZero, One, String),
    Field(2, "verb", OmitZero, One, String),
]);

static API_AUTHORIZATION_V1_NONRESOURCERULE: Message = Message(&[
    Field(1, "verbs", Always, List, String),
    Field(2, "nonResourceURLs", OmitZero, List, String),
]);

static API_AUTHORIZATION_V1_RESOURCEATTRIBUTES: Message = Message(&[
    Field(1, "namespace", OmitZero, One, String),
    Field(2, "verb", OmitZero, One, String),
    Field(3, "group", OmitZero, One, String),
    Field(4, "version", OmitZero, One, String),
    Field(5, "resource", OmitZero, One, String),
    Field(6, "subresource", OmitZero, One, String),
    Field(7, "name", OmitZero, One, String),
    Field(8, "fieldSelector", Optional, One, Nested(&API_AUTHORIZATION_V1_FIELDSELECTORATTRIBUTES)),
    Field(9, "labelSelector", Optional, One, Nested(&API_AUTHORIZATION_V1_LABELSELECTORATTRIBUTES)),
]);

static API_AUTHORIZATION_V1_RESOURCERULE: Message = Message(&[
    Field(1, "verbs", Always, List, String),
    Field(2, "apiGroups", OmitZero, List, String),
    Field(3, "resources", OmitZero, List, String),
    Field(4, "resourceNames", OmitZero, List, String),
]);

static API_AUTHORIZATION_V1_SELFSUBJECTACCESSREVIEW: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTHORIZATION_V1_SELFSUBJECTACCESSREVIEWSPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTHORIZATION_V1_SUBJECTACCESSREVIEWSTATUS)),
]);

static API_AUTHORIZATION_V1_SELFSUBJECTACCESSREVIEWSPEC: Message = Message(&[
    Field(1, "resourceAttributes", Optional, One, Nested(&API_AUTHORIZATION_V1_RESOURCEATTRIBUTES)),
    Field(2, "nonResourceAttributes", Optional, One, Nested(&API_AUTHORIZATION_V1_NONRESOURCEATTRIBUTES)),
]);

static API_AUTHORIZATION_V1_SELFSUBJECTRULESREVIEW: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTHORIZATION_V1_SELFSUBJECTRULESREVIEWSPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTHORIZATION_V1_SUBJECTRULESREVIEWSTATUS)),
]);

static API_AUTHORIZATION_V1_SELFSUBJECTRULESREVIEWSPEC: Message = Message(&[
    Field(1, "namespace", OmitZero, One, String),
]);

static API_AUTHORIZATION_V1_SUBJECTACCESSREVIEW: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTHORIZATION_V1_SUBJECTACCESSREVIEWSPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTHORIZATION_V1_SUBJECTACCESSREVIEWSTATUS)),
]);

static API_AUTHORIZATION_V1_SUBJECTACCESSREVIEWSPEC: Message = Message(&[
    Field(1, "resourceAttributes", Optional, One, Nested(&API_AUTHORIZATION_V1_RESOURCEATTRIBUTES)),
    Field(2, "nonResourceAttributes", Optional, One, Nested(&API_AUTHORIZATION_V1_NONRESOURCEATTRIBUTES)),
    Field(3, "user", OmitZero, One, String),
    Field(4, "groups", OmitZero, List, String),
    Field(5, "extra", OmitZero, Map, Strings),
    Field(6, "uid", OmitZero, One, String),
]);

static API_AUTHORIZATION_V1_SUBJECTACCESSREVIEWSTATUS: Message = Message(&[
    Field(1, "allowed", Always, One, Bool),
    Field(2, "reason", OmitZero, One, String),
    Field(3, "evaluationError", OmitZero, One, String),
    Field(4, "denied", OmitZero, One, Bool),
]);

static API_AUTHORIZATION_V1_SUBJECTRULESREVIEWSTATUS: Message = Message(&[
    Field(1, "resourceRules", Always, List, Nested(&API_AUTHORIZATION_V1_RESOURCERULE)),
    Field(2, "nonResourceRules", Always, List, Nested(&API_AUTHORIZATION_V1_NONRESOURCERULE)),
    Field(3, "incomplete", Always, One, Bool),
    Field(4, "evaluationError", OmitZero, One, String),
]);

static API_AUTOSCALING_V1_CROSSVERSIONOBJECTREFERENCE: Message = Message(&[
    Field(1, "kind", Always, One, String),
    Field(2, "name", Always, One, String),
    Field(3, "apiVersion", OmitZero, One, String),
]);

static API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALER: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALERSPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALERSTATUS)),
]);

static API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALERLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALER)),
]);

static API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALERSPEC: Message = Message(&[
    Field(1, "scaleTargetRef", Always, One, Nested(&API_AUTOSCALING_V1_CROSSVERSIONOBJECTREFERENCE)),
    Field(2, "minReplicas", Optional, One, Int32),
    Field(3, "maxReplicas", Always, One, Int32),
    Field(4, "targetCPUUtilizationPercentage", Optional, One, Int32),
]);

static API_AUTOSCALING_V1_HORIZONTALPODAUTOSCALERSTATUS: Message = Message(&[
    Field(1, "observedGeneration", Optional, One, Int64),
    Field(2, "lastScaleTime", Optional, One, Time),
    Field(3, "currentReplicas", Always, One, Int32),
    Field(4, "desiredReplicas", Always, One, Int32),
    Field(5, "currentCPUUtilizationPercentage", Optional, One, Int32),
]);

static API_AUTOSCALING_V1_SCALE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTOSCALING_V1_SCALESPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTOSCALING_V1_SCALESTATUS)),
]);

static API_AUTOSCALING_V1_SCALESPEC: Message = Message(&[
    Field(1, "replicas", OmitZero, One, Int32),
]);

static API_AUTOSCALING_V1_SCALESTATUS: Message = Message(&[
    Field(1, "replicas", Always, One, Int32),
    Field(2, "selector", OmitZero, One, String),
]);

static API_AUTOSCALING_V2_CONTAINERRESOURCEMETRICSOURCE: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "target", Always, One, Nested(&API_AUTOSCALING_V2_METRICTARGET)),
    Field(3, "container", Always, One, String),
]);

static API_AUTOSCALING_V2_CONTAINERRESOURCEMETRICSTATUS: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "current", Always, One, Nested(&API_AUTOSCALING_V2_METRICVALUESTATUS)),
    Field(3, "container", Always, One, String),
]);

static API_AUTOSCALING_V2_CROSSVERSIONOBJECTREFERENCE: Message = Message(&[
    Field(1, "kind", Always, One, String),
    Field(2, "name", Always, One, String),
    Field(3, "apiVersion", OmitZero, One, String),
]);

static API_AUTOSCALING_V2_EXTERNALMETRICSOURCE: Message = Message(&[
    Field(1, "metric", Always, One, Nested(&API_AUTOSCALING_V2_METRICIDENTIFIER)),
    Field(2, "target", Always, One, Nested(&API_AUTOSCALING_V2_METRICTARGET)),
]);

static API_AUTOSCALING_V2_EXTERNALMETRICSTATUS: Message = Message(&[
    Field(1, "metric", Always, One, Nested(&API_AUTOSCALING_V2_METRICIDENTIFIER)),
    Field(2, "current", Always, One, Nested(&API_AUTOSCALING_V2_METRICVALUESTATUS)),
]);

static API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALER: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERSPEC)),
    Field(3, "status", Always, One, Nested(&API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERSTATUS)),
]);

static API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERBEHAVIOR: Message = Message(&[
    Field(1, "scaleUp", Optional, One, Nested(&API_AUTOSCALING_V2_HPASCALINGRULES)),
    Field(2, "scaleDown", Optional, One, Nested(&API_AUTOSCALING_V2_HPASCALINGRULES)),
]);

static API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALER)),
]);

static API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERSPEC: Message = Message(&[
    Field(1, "scaleTargetRef", Always, One, Nested(&API_AUTOSCALING_V2_CROSSVERSIONOBJECTREFERENCE)),
    Field(2, "minReplicas", Optional, One, Int32),
    Field(3, "maxReplicas", Always, One, Int32),
    Field(4, "metrics", OmitZero, List, Nested(&API_AUTOSCALING_V2_METRICSPEC)),
    Field(5, "behavior", Optional, One, Nested(&API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERBEHAVIOR)),
]);

static API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERSTATUS: Message = Message(&[
    Field(1, "observedGeneration", Optional, One, Int64),
    Field(2, "lastScaleTime", Optional, One, Time),
    Field(3, "currentReplicas", OmitZero, One, Int32),
    Field(4, "desiredReplicas", Always, One, Int32),
    Field(5, "currentMetrics", Always, List, Nested(&API_AUTOSCALING_V2_METRICSTATUS)),
    Field(6, "conditions", OmitZero, List, Nested(&API_AUTOSCALING_V2_HORIZONTALPODAUTOSCALERCONDITION)),
]);

static API_AUTOSCALING_V2_HPASCALINGPOLICY: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "value", Always, One, Int32),
    Field(3, "periodSeconds", Always, One, Int32),
]);

static API_AUTOSCALING_V2_HPASCALINGRULES: Message = Message(&[
    Field(1, "selectPolicy", Optional, One, String),
    Field(2, "policies", OmitZero, List, Nested(&API_AUTOSCALING_V2_HPASCALINGPOLICY)),
    Field(3, "stabilizationWindowSeconds", Optional, One, Int32),
    Field(4, "tolerance", Optional, One, Quantity),
]);

static API_AUTOSCALING_V2_METRICIDENTIFIER: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "selector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
]);

static API_AUTOSCALING_V2_METRICSPEC: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "object", Optional, One, Nested(&API_AUTOSCALING_V2_OBJECTMETRICSOURCE)),
    Field(3, "pods", Optional, One, Nested(&API_AUTOSCALING_V2_PODSMETRICSOURCE)),
    Field(4, "resource", Optional, One, Nested(&API_AUTOSCALING_V2_RESOURCEMETRICSOURCE)),
    Field(5, "external", Optional, One, Nested(&API_AUTOSCALING_V2_EXTERNALMETRICSOURCE)),
    Field(7, "containerResource", Optional, One, Nested(&API_AUTOSCALING_V2_CONTAINERRESOURCEMETRICSOURCE)),
]);

static API_AUTOSCALING_V2_METRICSTATUS: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "object", Optional, One, Nested(&API_AUTOSCALING_V2_OBJECTMETRICSTATUS)),
    Field(3, "pods", Optional, One, Nested(&API_AUTOSCALING_V2_PODSMETRICSTATUS)),
    Field(4, "resource", Optional, One, Nested(&API_AUTOSCALING_V2_RESOURCEMETRICSTATUS)),
    Field(5, "external", Optional, One, Nested(&API_AUTOSCALING_V2_EXTERNALMETRICSTATUS)),
    Field(7, "containerResource", Optional, One, Nested(&API_AUTOSCALING_V2_CONTAINERRESOURCEMETRICSTATUS)),
]);

static API_AUTOSCALING_V2_METRICTARGET: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "value", Optional, One, Quantity),
    Field(3, "averageValue", Optional, One, Quantity),
    Field(4, "averageUtilization", Optional, One, Int32),
]);

static API_AUTOSCALING_V2_METRICVALUESTATUS: Message = Message(&[
    Field(1, "value", Optional, One, Quantity),
    Field(2, "averageValue", Optional, One, Quantity),
    Field(3, "averageUtilization", Optional, One, Int32),
]);

static API_AUTOSCALING_V2_OBJECTMETRICSOURCE: Message = Message(&[
    Field(1, "describedObject", Always, One, Nested(&API_AUTOSCALING_V2_CROSSVERSIONOBJECTREFERENCE)),
    Field(2, "target", Always, One, Nested(&API_AUTOSCALING_V2_METRICTARGET)),
    Field(3, "metric", Always, One, Nested(&API_AUTOSCALING_V2_METRICIDENTIFIER)),
]);

static API_AUTOSCALING_V2_OBJECTMETRICSTATUS: Message = Message(&[
    Field(1, "metric", Always, One, Nested(&API_AUTOSCALING_V2_METRICIDENTIFIER)),
    Field(2, "current", Always, One, Nested(&API_AUTOSCALING_V2_METRICVALUESTATUS)),
    Field(3, "describedObject", Always, One, Nested(&API_AUTOSCALING_V2_CROSSVERSIONOBJECTREFERENCE)),
]);

static API_AUTOSCALING_V2_PODSMETRICSOURCE: Message = Message(&[
    Field(1, "metric", Always, One, Nested(&API_AUTOSCALING_V2_METRICIDENTIFIER)),
    Field(2, "target", Always, One, Nested(&API_AUTOSCALING_V2_METRICTARGET)),
]);

static API_AUTOSCALING_V2_PODSMETRICSTATUS: Message = Message(&[
    Field(1, "metric", Always, One, Nested(&API_AUTOSCALING_V2_METRICIDENTIFIER)),
    Field(2, "current", Always, One, Nested(&API_AUTOSCALING_V2_METRICVALUESTATUS)),
]);

static API_AUTOSCALING_V2_RESOURCEMETRICSOURCE: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "target", Always, One, Nested(&API_AUTOSCALING_V2_METRICTARGET)),
]);

static API_AUTOSCALING_V2_RESOURCEMETRICSTATUS: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "current", Always, One, Nested(&API_AUTOSCALING_V2_METRICVALUESTATUS)),
]);

static API_BATCH_V1_CRONJOB: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_BATCH_V1_CRONJOBSPEC)),
    Field(3, "status", Always, One, Nested(&API_BATCH_V1_CRONJOBSTATUS)),
]);

static API_BATCH_V1_CRONJOBLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_BATCH_V1_CRONJOB)),
]);

static API_BATCH_V1_CRONJOBSPEC: Message = Message(&[
    Field(1, "schedule", Always, One, String),
    Field(2, "startingDeadlineSeconds", Optional, One, Int64),
    Field(3, "concurrencyPolicy", OmitZero, One, String),
    Field(4, "suspend", Optional, One, Bool),
    Field(5, "jobTemplate", Always, One, Nested(&API_BATCH_V1_JOBTEMPLATESPEC)),
    Field(6, "successfulJobsHistoryLimit", Optional, One, Int32),
    Field(7, "failedJobsHistoryLimit", Optional, One, Int32),
    Field(8, "timeZone", Optional, One, String),
]);

static API_BATCH_V1_CRONJOBSTATUS: Message = Message(&[
    Field(1, "active", OmitZero, List, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(4, "lastScheduleTime", Optional, One, Time),
    Field(5, "lastSuccessfulTime", Optional, One, Time),
]);

static API_BATCH_V1_JOB: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_BATCH_V1_JOBSPEC)),
    Field(3, "status", Always, One, Nested(&API_BATCH_V1_JOBSTATUS)),
]);

static API_BATCH_V1_JOBCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastProbeTime", Always, One, Time),
    Field(4, "lastTransitionTime", Always, One, Time),
    Field(5, "reason", OmitZero, One, String),
    Field(6, "message", OmitZero, One, String),
]);

static API_BATCH_V1_JOBLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_BATCH_V1_JOB)),
]);

static API_BATCH_V1_JOBSPEC: Message = Message(&[
    Field(1, "parallelism", Optional, One, Int32),
    Field(2, "completions", Optional, One, Int32),
    Field(3, "activeDeadlineSeconds", Optional, One, Int64),
    Field(4, "selector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(5, "manualSelector", Optional, One, Bool),
    Field(6, "template", Always, One, Nested(&API_CORE_V1_PODTEMPLATESPEC)),
    Field(7, "backoffLimit", Optional, One, Int32),
    Field(8, "ttlSecondsAfterFinished", Optional, One, Int32),
    Field(9, "completionMode", Optional, One, String),
    Field(10, "suspend", Optional, One, Bool),
    Field(11, "podFailurePolicy", Optional, One, Nested(&API_BATCH_V1_PODFAILUREPOLICY)),
    Field(12, "backoffLimitPerIndex", Optional, One, Int32),
    Field(13, "maxFailedIndexes", Optional, One, Int32),
    Field(14, "podReplacementPolicy", Optional, One, String),
    Field(15, "managedBy", Optional, One, String),
    Field(16, "successPolicy", Optional, One, Nested(&API_BATCH_V1_SUCCESSPOLICY)),
]);

static API_BATCH_V1_JOBSTATUS: Message = Message(&[
    Field(1, "conditions", OmitZero, List, Nested(&API_BATCH_V1_JOBCONDITION)),
    Field(2, "startTime", Optional, One, Time),
    Field(3, "completionTime", Optional, One, Time),
    Field(4, "active", OmitZero, One, Int32),
    Field(5, "succeeded", OmitZero, One, Int32),
    Field(6, "failed", OmitZero, One, Int32),
    Field(7, "completedIndexes", OmitZero, One, String),
    Field(8, "uncountedTerminatedPods", Optional, One, Nested(&API_BATCH_V1_UNCOUNTEDTERMINATEDPODS)),
    Field(9, "ready", Optional, One, Int32),
    Field(10, "failedIndexes", Optional, One, String),
    Field(11, "terminating", Optional, One, Int32),
]);

static API_BATCH_V1_JOBTEMPLATESPEC: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_BATCH_V1_JOBSPEC)),
]);

static API_BATCH_V1_PODFAILUREPOLICY: Message = Message(&[
    Field(1, "rules", Always, List, Nested(&API_BATCH_V1_PODFAILUREPOLICYRULE)),
]);

static API_BATCH_V1_PODFAILUREPOLICYONEXITCODESREQUIREMENT: Message = Message(&[
    Field(1, "containerName", Optional, One, String),
    Field(2, "operator", Always, One, String),
    Field(3, "values", Always, List, Int32),
]);

static API_BATCH_V1_PODFAILUREPOLICYONPODCONDITIONSPATTERN: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
]);

static API_BATCH_V1_PODFAILUREPOLICYRULE: Message = Message(&[
    Field(1, "action", Always, One, String),
    Field(2, "onExitCodes", Optional, One, Nested(&API_BATCH_V1_PODFAILUREPOLICYONEXITCODESREQUIREMENT)),
    Field(3, "onPodConditions", OmitZero, List, Nested(&API_BATCH_V1_PODFAILUREPOLICYONPODCONDITIONSPATTERN)),
]);

static API_BATCH_V1_SUCCESSPOLICY: Message = Message(&[
    Field(1, "rules", Always, List, Nested(&API_BATCH_V1_SUCCESSPOLICYRULE)),
]);

static API_BATCH_V1_SUCCESSPOLICYRULE: Message = Message(&[
    Field(1, "succeededIndexes", Optional, One, String),
    Field(2, "succeededCount", Optional, One, Int32),
]);

static API_BATCH_V1_UNCOUNTEDTERMINATEDPODS: Message = Message(&[
    Field(1, "succeeded", OmitZero, List, String),
    Field(2, "failed", OmitZero, List, String),
]);

static API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUEST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUESTSPEC)),
    Field(3, "status", Always, One, Nested(&API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUESTSTATUS)),
]);

static API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUESTCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "reason", OmitZero, One, String),
    Field(3, "message", OmitZero, One, String),
    Field(4, "lastUpdateTime", Always, One, Time),
    Field(5, "lastTransitionTime", Always, One, Time),
    Field(6, "status", Always, One, String),
]);

static API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUESTLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUEST)),
]);

static API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUESTSPEC: Message = Message(&[
    Field(1, "request", Always, One, Bytes),
    Field(2, "username", OmitZero, One, String),
    Field(3, "uid", OmitZero, One, String),
    Field(4, "groups", OmitZero, List, String),
    Field(5, "usages", OmitZero, List, String),
    Field(6, "extra", OmitZero, Map, Strings),
    Field(7, "signerName", Always, One, String),
    Field(8, "expirationSeconds", Optional, One, Int32),
]);

static API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUESTSTATUS: Message = Message(&[
    Field(1, "conditions", OmitZero, List, Nested(&API_CERTIFICATES_V1_CERTIFICATESIGNINGREQUESTCONDITION)),
    Field(2, "certificate", OmitZero, One, Bytes),
]);

static API_COORDINATION_V1_LEASE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_COORDINATION_V1_LEASESPEC)),
]);

static API_COORDINATION_V1_LEASELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_COORDINATION_V1_LEASE)),
]);

static API_COORDINATION_V1_LEASESPEC: Message = Message(&[
    Field(1, "holderIdentity", Optional, One, String),
    Field(2, "leaseDurationSeconds", Optional, One, Int32),
    Field(3, "acquireTime", Optional, One, MicroTime),
    Field(4, "renewTime", Optional, One, MicroTime),
    Field(5, "leaseTransitions", Optional, One, Int32),
    Field(6, "strategy", Optional, One, String),
    Field(7, "preferredHolder", Optional, One, String),
]);

static API_CORE_V1_AFFINITY: Message = Message(&[
    Field(1, "nodeAffinity", Optional, One, Nested(&API_CORE_V1_NODEAFFINITY)),
    Field(2, "podAffinity", Optional, One, Nested(&API_CORE_V1_PODAFFINITY)),
    Field(3, "podAntiAffinity", Optional, One, Nested(&API_CORE_V1_PODANTIAFFINITY)),
]);

static API_CORE_V1_APPARMORPROFILE: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "localhostProfile", Optional, One, String),
]);

static API_CORE_V1_ATTACHEDVOLUME: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "devicePath", Always, One, String),
]);

static API_CORE_V1_AWSELASTICBLOCKSTOREVOLUMESOURCE: Message = Message(&[
    Field(1, "volumeID", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
    Field(3, "partition", OmitZero, One, Int32),
    Field(4, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_AZUREDISKVOLUMESOURCE: Message = Message(&[
    Field(1, "diskName", Always, One, String),
    Field(2, "diskURI", Always, One, String),
    Field(3, "cachingMode", Optional, One, String),
    Field(4, "fsType", Optional, One, String),
    Field(5, "readOnly", Optional, One, Bool),
    Field(6, "kind", Optional, One, String),
]);

static API_CORE_V1_AZUREFILEPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "secretName", Always, One, String),
    Field(2, "shareName", Always, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
    Field(4, "secretNamespace", Nullable, One, String),
]);

static API_CORE_V1_AZUREFILEVOLUMESOURCE: Message = Message(&[
    Field(1, "secretName", Always, One, String),
    Field(2, "shareName", Always, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_BINDING: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "target", Always, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
]);

static API_CORE_V1_CAPABILITIES: Message = Message(&[
    Field(1, "add", OmitZero, List, String),
    Field(2, "drop", OmitZero, List, String),
]);

static API_CORE_V1_CEPHFSPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "monitors", Always, List, String),
    Field(2, "path", OmitZero, One, String),
    Field(3, "user", OmitZero, One, String),
    Field(4, "secretFile", OmitZero, One, String),
    Field(5, "secretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(6, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_CEPHFSVOLUMESOURCE: Message = Message(&[
    Field(1, "monitors", Always, List, String),
    Field(2, "path", OmitZero, One, String),
    Field(3, "user", OmitZero, One, String),
    Field(4, "secretFile", OmitZero, One, String),
    Field(5, "secretRef", Optional, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(6, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_CINDERPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "volumeID", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
    Field(4, "secretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
]);

static API_CORE_V1_CINDERVOLUMESOURCE: Message = Message(&[
    Field(1, "volumeID", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
    Field(4, "secretRef", Optional, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
]);

static API_CORE_V1_CLIENTIPCONFIG: Message = Message(&[
    Field(1, "timeoutSeconds", Optional, One, Int32),
]);

static API_CORE_V1_CLUSTERTRUSTBUNDLEPROJECTION: Message = Message(&[
    Field(1, "name", Optional, One, String),
    Field(2, "signerName", Optional, One, String),
    Field(3, "labelSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(4, "path", Always, One, String),
    Field(5, "optional", Optional, One, Bool),
]);

static API_CORE_V1_COMPONENTCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "message", OmitZero, One, String),
    Field(4, "error", OmitZero, One, String),
]);

static API_CORE_V1_COMPONENTSTATUS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "conditions", OmitZero, List, Nested(&API_CORE_V1_COMPONENTCONDITION)),
]);

static API_CORE_V1_COMPONENTSTATUSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_COMPONENTSTATUS)),
]);

static API_CORE_V1_CONFIGMAP: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "data", OmitZero, Map, String),
    Field(3, "binaryData", OmitZero, Map, Bytes),
    Field(4, "immutable", Optional, One, Bool),
]);

static API_CORE_V1_CONFIGMAPENVSOURCE: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(2, "optional", Optional, One, Bool),
]);

static API_CORE_V1_CONFIGMAPKEYSELECTOR: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(2, "key", Always, One, String),
    Field(3, "optional", Optional, One, Bool),
]);

static API_CORE_V1_CONFIGMAPLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_CONFIGMAP)),
]);

static API_CORE_V1_CONFIGMAPNODECONFIGSOURCE: Message = Message(&[
    Field(1, "namespace", Always, One, String),
    Field(2, "name", Always, One, String),
    Field(3, "uid", OmitZero, One, String),
    Field(4, "resourceVersion", OmitZero, One, String),
    Field(5, "kubeletConfigKey", Always, One, String),
]);

static API_CORE_V1_CONFIGMAPPROJECTION: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(2, "items", OmitZero, List, Nested(&API_CORE_V1_KEYTOPATH)),
    Field(4, "optional", Optional, One, Bool),
]);

static API_CORE_V1_CONFIGMAPVOLUMESOURCE: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(2, "items", OmitZero, List, Nested(&API_CORE_V1_KEYTOPATH)),
    Field(3, "defaultMode", Optional, One, Int32),
    Field(4, "optional", Optional, One, Bool),
]);

static API_CORE_V1_CONTAINER: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "image", OmitZero, One, String),
    Field(3, "command", OmitZero, List, String),
    Field(4, "args", OmitZero, List, String),
    Field(5, "workingDir", OmitZero, One, String),
    Field(6, "ports", OmitZero, List, Nested(&API_CORE_V1_CONTAINERPORT)),
    Field(7, "env", OmitZero, List, Nested(&API_CORE_V1_ENVVAR)),
    Field(8, "resources", Always, One, Nested(&API_CORE_V1_RESOURCEREQUIREMENTS)),
    Field(9, "volumeMounts", OmitZero, List, Nested(&API_CORE_V1_VOLUMEMOUNT)),
    Field(10, "livenessProbe", Optional, One, Nested(&API_CORE_V1_PROBE)),
    Field(11, "readinessProbe", Optional, One, Nested(&API_CORE_V1_PROBE)),
    Field(12, "lifecycle", Optional, One, Nested(&API_CORE_V1_LIFECYCLE)),
    Field(13, "terminationMessagePath", OmitZero, One, String),
    Field(14, "imagePullPolicy", OmitZero, One, String),
    Field(15, "securityContext", Optional, One, Nested(&API_CORE_V1_SECURITYCONTEXT)),
    Field(16, "stdin", OmitZero, One, Bool),
    Field(17, "stdinOnce", OmitZero, One, Bool),
    Field(18, "tty", OmitZero, One, Bool),
    Field(19, "envFrom", OmitZero, List, Nested(&API_CORE_V1_ENVFROMSOURCE)),
    Field(20, "terminationMessagePolicy", OmitZero, One, String),
    Field(21, "volumeDevices", OmitZero, List, Nested(&API_CORE_V1_VOLUMEDEVICE)),
    Field(22, "startupProbe", Optional, One, Nested(&API_CORE_V1_PROBE)),
    Field(23, "resizePolicy", OmitZero, List, Nested(&API_CORE_V1_CONTAINERRESIZEPOLICY)),
    Field(24, "restartPolicy", Optional, One, String),
]);

static API_CORE_V1_CONTAINERIMAGE: Message = Message(&[
    Field(1, "names", Always, List, String),
    Field(2, "sizeBytes", OmitZero, One, Int64),
]);

static API_CORE_V1_CONTAINERPORT: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
    Field(2, "hostPort", OmitZero, One, Int32),
    Field(3, "containerPort", Always, One, Int32),
    Field(4, "protocol", OmitZero, One, String),
    Field(5, "hostIP", OmitZero, One, String),
]);

static API_CORE_V1_CONTAINERRESIZEPOLICY: Message = Message(&[
    Field(1, "resourceName", Always, One, String),
    Field(2, "restartPolicy", Always, One, String),
]);

static API_CORE_V1_CONTAINERSTATE: Message = Message(&[
    Field(1, "waiting", Optional, One, Nested(&API_CORE_V1_CONTAINERSTATEWAITING)),
    Field(2, "running", Optional, One, Nested(&API_CORE_V1_CONTAINERSTATERUNNING)),
    Field(3, "terminated", Optional, One, Nested(&API_CORE_V1_CONTAINERSTATETERMINATED)),
]);

static API_CORE_V1_CONTAINERSTATERUNNING: Message = Message(&[
    Field(1, "startedAt", Always, One, Time),
]);

static API_CORE_V1_CONTAINERSTATETERMINATED: Message = Message(&[
    Field(1, "exitCode", Always, One, Int32),
    Field(2, "signal", OmitZero, One, Int32),
    Field(3, "reason", OmitZero, One, String),
    Field(4, "message", OmitZero, One, String),
    Field(5, "startedAt", Always, One, Time),
    Field(6, "finishedAt", Always, One, Time),
    Field(7, "containerID", OmitZero, One, String),
]);

static API_CORE_V1_CONTAINERSTATEWAITING: Message = Message(&[
    Field(1, "reason", OmitZero, One, String),
    Field(2, "message", OmitZero, One, String),
]);

static API_CORE_V1_CONTAINERSTATUS: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "state", Always, One, Nested(&API_CORE_V1_CONTAINERSTATE)),
    Field(3, "lastState", Always, One, Nested(&API_CORE_V1_CONTAINERSTATE)),
    Field(4, "ready", Always, One, Bool),
    Field(5, "restartCount", Always, One, Int32),
    Field(6, "image", Always, One, String),
    Field(7, "imageID", Always, One, String),
    Field(8, "containerID", OmitZero, One, String),
    Field(9, "started", Optional, One, Bool),
    Field(10, "allocatedResources", OmitZero, Map, Quantity),
    Field(11, "resources", Optional, One, Nested(&API_CORE_V1_RESOURCEREQUIREMENTS)),
    Field(12, "volumeMounts", OmitZero, List, Nested(&API_CORE_V1_VOLUMEMOUNTSTATUS)),
    Field(13, "user", Optional, One, Nested(&API_CORE_V1_CONTAINERUSER)),
    Field(14, "allocatedResourcesStatus", OmitZero, List, Nested(&API_CORE_V1_RESOURCESTATUS)),
    Field(15, "stopSignal", Optional, One, String),
]);

static API_CORE_V1_CONTAINERUSER: Message = Message(&[
    Field(1, "linux", Optional, One, Nested(&API_CORE_V1_LINUXCONTAINERUSER)),
]);

static API_CORE_V1_CSIPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "driver", Always, One, String),
    Field(2, "volumeHandle", Always, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
    Field(4, "fsType", OmitZero, One, String),
    Field(5, "volumeAttributes", OmitZero, Map, String),
    Field(6, "controllerPublishSecretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(7, "nodeStageSecretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(8, "nodePublishSecretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(9, "controllerExpandSecretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(10, "nodeExpandSecretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
]);

static API_CORE_V1_CSIVOLUMESOURCE: Message = Message(&[
    Field(1, "driver", Always, One, String),
    Field(2, "readOnly", Optional, One, Bool),
    Field(3, "fsType", Optional, One, String),
    Field(4, "volumeAttributes", OmitZero, Map, String),
    Field(5, "nodePublishSecretRef", Optional, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
]);

static API_CORE_V1_DAEMONENDPOINT: Message = Message(&[
    Field(1, "Port", Always, One, Int32),
]);

static API_CORE_V1_DOWNWARDAPIPROJECTION: Message = Message(&[
    Field(1, "items", OmitZero, List, Nested(&API_CORE_V1_DOWNWARDAPIVOLUMEFILE)),
]);

static API_CORE_V1_DOWNWARDAPIVOLUMEFILE: Message = Message(&[
    Field(1, "path", Always, One, String),
    Field(2, "fieldRef", Optional, One, Nested(&API_CORE_V1_OBJECTFIELDSELECTOR)),
    Field(3, "resourceFieldRef", Optional, One, Nested(&API_CORE_V1_RESOURCEFIELDSELECTOR)),
    Field(4, "mode", Optional, One, Int32),
]);

static API_CORE_V1_DOWNWARDAPIVOLUMESOURCE: Message = Message(&[
    Field(1, "items", OmitZero, List, Nested(&API_CORE_V1_DOWNWARDAPIVOLUMEFILE)),
    Field(2, "defaultMode", Optional, One, Int32),
]);

static API_CORE_V1_EMPTYDIRVOLUMESOURCE: Message = Message(&[
    Field(1, "medium", OmitZero, One, String),
    Field(2, "sizeLimit", Optional, One, Quantity),
]);

static API_CORE_V1_ENDPOINTADDRESS: Message = Message(&[
    Field(1, "ip", Always, One, String),
    Field(2, "targetRef", Optional, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(3, "hostname", OmitZero, One, String),
    Field(4, "nodeName", Optional, One, String),
]);

static API_CORE_V1_ENDPOINTPORT: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
    Field(2, "port", Always, One, Int32),
    Field(3, "protocol", OmitZero, One, String),
    Field(4, "appProtocol", Optional, One, String),
]);

static API_CORE_V1_ENDPOINTS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "subsets", OmitZero, List, Nested(&API_CORE_V1_ENDPOINTSUBSET)),
]);

static API_CORE_V1_ENDPOINTSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_ENDPOINTS)),
]);

static API_CORE_V1_ENDPOINTSUBSET: Message = Message(&[
    Field(1, "addresses", OmitZero, List, Nested(&API_CORE_V1_ENDPOINTADDRESS)),
    Field(2, "notReadyAddresses", OmitZero, List, Nested(&API_CORE_V1_ENDPOINTADDRESS)),
    Field(3, "ports", OmitZero, List, Nested(&API_CORE_V1_ENDPOINTPORT)),
]);

static API_CORE_V1_ENVFROMSOURCE: Message = Message(&[
    Field(1, "prefix", OmitZero, One, String),
    Field(2, "configMapRef", Optional, One, Nested(&API_CORE_V1_CONFIGMAPENVSOURCE)),
    Field(3, "secretRef", Optional, One, Nested(&API_CORE_V1_SECRETENVSOURCE)),
]);

static API_CORE_V1_ENVVAR: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "value", OmitZero, One, String),
    Field(3, "valueFrom", Optional, One, Nested(&API_CORE_V1_ENVVARSOURCE)),
]);

static API_CORE_V1_ENVVARSOURCE: Message = Message(&[
    Field(1, "fieldRef", Optional, One, Nested(&API_CORE_V1_OBJECTFIELDSELECTOR)),
    Field(2, "resourceFieldRef", Optional, One, Nested(&API_CORE_V1_RESOURCEFIELDSELECTOR)),
    Field(3, "configMapKeyRef", Optional, One, Nested(&API_CORE_V1_CONFIGMAPKEYSELECTOR)),
    Field(4, "secretKeyRef", Optional, One, Nested(&API_CORE_V1_SECRETKEYSELECTOR)),
]);

static API_CORE_V1_EPHEMERALCONTAINER: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_EPHEMERALCONTAINERCOMMON)),
    Field(2, "targetContainerName", OmitZero, One, String),
]);

static API_CORE_V1_EPHEMERALCONTAINERCOMMON: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "image", OmitZero, One, String),
    Field(3, "command", OmitZero, List, String),
    Field(4, "args", OmitZero, List, String),
    Field(5, "workingDir", OmitZero, One, String),
    Field(6, "ports", OmitZero, List, Nested(&API_CORE_V1_CONTAINERPORT)),
    Field(7, "env", OmitZero, List, Nested(&API_CORE_V1_ENVVAR)),
    Field(8, "resources", Always, One, Nested(&API_CORE_V1_RESOURCEREQUIREMENTS)),
    Field(9, "volumeMounts", OmitZero, List, Nested(&API_CORE_V1_VOLUMEMOUNT)),
    Field(10, "livenessProbe", Optional, One, Nested(&API_CORE_V1_PROBE)),
    Field(11, "readinessProbe", Optional, One, Nested(&API_CORE_V1_PROBE)),
    Field(12, "lifecycle", Optional, One, Nested(&API_CORE_V1_LIFECYCLE)),
    Field(13, "terminationMessagePath", OmitZero, One, String),
    Field(14, "imagePullPolicy", OmitZero, One, String),
    Field(15, "securityContext", Optional, One, Nested(&API_CORE_V1_SECURITYCONTEXT)),
    Field(16, "stdin", OmitZero, One, Bool),
    Field(17, "stdinOnce", OmitZero, One, Bool),
    Field(18, "tty", OmitZero, One, Bool),
    Field(19, "envFrom", OmitZero, List, Nested(&API_CORE_V1_ENVFROMSOURCE)),
    Field(20, "terminationMessagePolicy", OmitZero, One, String),
    Field(21, "volumeDevices", OmitZero, List, Nested(&API_CORE_V1_VOLUMEDEVICE)),
    Field(22, "startupProbe", Optional, One, Nested(&API_CORE_V1_PROBE)),
    Field(23, "resizePolicy", OmitZero, List, Nested(&API_CORE_V1_CONTAINERRESIZEPOLICY)),
    Field(24, "restartPolicy", Optional, One, String),
]);

static API_CORE_V1_EPHEMERALVOLUMESOURCE: Message = Message(&[
    Field(1, "volumeClaimTemplate", Optional, One, Nested(&API_CORE_V1_PERSISTENTVOLUMECLAIMTEMPLATE)),
]);

static API_CORE_V1_EVENT: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "involvedObject", Always, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(3, "reason", OmitZero, One, String),
    Field(4, "message", OmitZero, One, String),
    Field(5, "source", Always, One, Nested(&API_CORE_V1_EVENTSOURCE)),
    Field(6, "firstTimestamp", Always, One, Time),
    Field(7, "lastTimestamp", Always, One, Time),
    Field(8, "count", OmitZero, One, Int32),
    Field(9, "type", OmitZero, One, String),
    Field(10, "eventTime", Always, One, MicroTime),
    Field(11, "series", Optional, One, Nested(&API_CORE_V1_EVENTSERIES)),
    Field(12, "action", OmitZero, One, String),
    Field(13, "related", Optional, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(14, "reportingComponent", Always, One, String),
    Field(15, "reportingInstance", Always, One, String),
]);

static API_CORE_V1_EVENTLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_EVENT)),
]);

static API_CORE_V1_EVENTSERIES: Message = Message(&[
    Field(1, "count", OmitZero, One, Int32),
    Field(2, "lastObservedTime", Always, One, MicroTime),
]);

static API_CORE_V1_EVENTSOURCE: Message = Message(&[
    Field(1, "component", OmitZero, One, String),
    Field(2, "host", OmitZero, One, String),
]);

static API_CORE_V1_EXECACTION: Message = Message(&[
    Field(1, "command", OmitZero, List, String),
]);

static API_CORE_V1_FCVOLUMESOURCE: Message = Message(&[
    Field(1, "targetWWNs", OmitZero, List, String),
    Field(2, "lun", Optional, One, Int32),
    Field(3, "fsType", OmitZero, One, String),
    Field(4, "readOnly", OmitZero, One, Bool),
    Field(5, "wwids", OmitZero, List, String),
]);

static API_CORE_V1_FLEXPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "driver", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
    Field(3, "secretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(4, "readOnly", OmitZero, One, Bool),
    Field(5, "options", OmitZero, Map, String),
]);

static API_CORE_V1_FLEXVOLUMESOURCE: Message = Message(&[
    Field(1, "driver", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
    Field(3, "secretRef", Optional, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(4, "readOnly", OmitZero, One, Bool),
    Field(5, "options", OmitZero, Map, String),
]);

static API_CORE_V1_FLOCKERVOLUMESOURCE: Message = Message(&[
    Field(1, "datasetName", OmitZero, One, String),
    Field(2, "datasetUUID", OmitZero, One, String),
]);

static API_CORE_V1_GCEPERSISTENTDISKVOLUMESOURCE: Message = Message(&[
    Field(1, "pdName", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
    Field(3, "partition", OmitZero, One, Int32),
    Field(4, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_GITREPOVOLUMESOURCE: Message = Message(&[
    Field(1, "repository", Always, One, String),
    Field(2, "revision", OmitZero, One, String),
    Field(3, "directory", OmitZero, One, String),
]);

static API_CORE_V1_GLUSTERFSPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "endpoints", Always, One, String),
    Field(2, "path", Always, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
    Field(4, "endpointsNamespace", Optional, One, String),
]);

static API_CORE_V1_GLUSTERFSVOLUMESOURCE: Message = Message(&[
    Field(1, "endpoints", Always, One, String),
    Field(2, "path", Always, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_GRPCACTION: Message = Message(&[
    Field(1, "port", Always, One, Int32),
    Field(2, "service", Nullable, One, String),
]);

static API_CORE_V1_HOSTALIAS: Message = Message(&[
    Field(1, "ip", Always, One, String),
    Field(2, "hostnames", OmitZero, List, String),
]);

static API_CORE_V1_HOSTIP: Message = Message(&[
    Field(1, "ip", Always, One, String),
]);

static API_CORE_V1_HOSTPATHVOLUMESOURCE: Message = Message(&[
    Field(1, "path", Always, One, String),
    Field(2, "type", Optional, One, String),
]);

static API_CORE_V1_HTTPGETACTION: Message = Message(&[
    Field(1, "path", OmitZero, One, String),
    Field(2, "port", Always, One, IntOrString),
    Field(3, "host", OmitZero, One, String),
    Field(4, "scheme", OmitZero, One, String),
    Field(5, "httpHeaders", OmitZero, List, Nested(&API_CORE_V1_HTTPHEADER)),
]);

static API_CORE_V1_HTTPHEADER: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "value", Always, One, String),
]);

static API_CORE_V1_IMAGEVOLUMESOURCE: Message = Message(&[
    Field(1, "reference", OmitZero, One, String),
    Field(2, "pullPolicy", OmitZero, One, String),
]);

static API_CORE_V1_ISCSIPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "targetPortal", Always, One, String),
    Field(2, "iqn", Always, One, String),
    Field(3, "lun", Always, One, Int32),
    Field(4, "iscsiInterface", OmitZero, One, String),
    Field(5, "fsType", OmitZero, One, String),
    Field(6, "readOnly", OmitZero, One, Bool),
    Field(7, "portals", OmitZero, List, String),
    Field(8, "chapAuthDiscovery", OmitZero, One, Bool),
    Field(10, "secretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(11, "chapAuthSession", OmitZero, One, Bool),
    Field(12, "initiatorName", Optional, One, String),
]);

static API_CORE_V1_ISCSIVOLUMESOURCE: Message = Message(&[
    Field(1, "targetPortal", Always, One, String),
    Field(2, "iqn", Always, One, String),
    Field(3, "lun", Always, One, Int32),
    Field(4, "iscsiInterface", OmitZero, One, String),
    Field(5, "fsType", OmitZero, One, String),
    Field(6, "readOnly", OmitZero, One, Bool),
    Field(7, "portals", OmitZero, List, String),
    Field(8, "chapAuthDiscovery", OmitZero, One, Bool),
    Field(10, "secretRef", Optional, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(11, "chapAuthSession", OmitZero, One, Bool),
    Field(12, "initiatorName", Optional, One, String),
]);

static API_CORE_V1_KEYTOPATH: Message = Message(&[
    Field(1, "key", Always, One, String),
    Field(2, "path", Always, One, String),
    Field(3, "mode", Optional, One, Int32),
]);

static API_CORE_V1_LIFECYCLE: Message = Message(&[
    Field(1, "postStart", Optional, One, Nested(&API_CORE_V1_LIFECYCLEHANDLER)),
    Field(2, "preStop", Optional, One, Nested(&API_CORE_V1_LIFECYCLEHANDLER)),
    Field(3, "stopSignal", Optional, One, String),
]);

static API_CORE_V1_LIFECYCLEHANDLER: Message = Message(&[
    Field(1, "exec", Optional, One, Nested(&API_CORE_V1_EXECACTION)),
    Field(2, "httpGet", Optional, One, Nested(&API_CORE_V1_HTTPGETACTION)),
    Field(3, "tcpSocket", Optional, One, Nested(&API_CORE_V1_TCPSOCKETACTION)),
    Field(4, "sleep", Optional, One, Nested(&API_CORE_V1_SLEEPACTION)),
]);

static API_CORE_V1_LIMITRANGE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_LIMITRANGESPEC)),
]);

static API_CORE_V1_LIMITRANGEITEM: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "max", OmitZero, Map, Quantity),
    Field(3, "min", OmitZero, Map, Quantity),
    Field(4, "default", OmitZero, Map, Quantity),
    Field(5, "defaultRequest", OmitZero, Map, Quantity),
    Field(6, "maxLimitRequestRatio", OmitZero, Map, Quantity),
]);

static API_CORE_V1_LIMITRANGELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_LIMITRANGE)),
]);

static API_CORE_V1_LIMITRANGESPEC: Message = Message(&[
    Field(1, "limits", Always, List, Nested(&API_CORE_V1_LIMITRANGEITEM)),
]);

static API_CORE_V1_LINUXCONTAINERUSER: Message = Message(&[
    Field(1, "uid", Always, One, Int64),
    Field(2, "gid", Always, One, Int64),
    Field(3, "supplementalGroups", OmitZero, List, Int64),
]);

static API_CORE_V1_LIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Json),
]);

static API_CORE_V1_LOADBALANCERINGRESS: Message = Message(&[
    Field(1, "ip", OmitZero, One, String),
    Field(2, "hostname", OmitZero, One, String),
    Field(3, "ipMode", Optional, One, String),
    Field(4, "ports", OmitZero, List, Nested(&API_CORE_V1_PORTSTATUS)),
]);

static API_CORE_V1_LOADBALANCERSTATUS: Message = Message(&[
    Field(1, "ingress", OmitZero, List, Nested(&API_CORE_V1_LOADBALANCERINGRESS)),
]);

static API_CORE_V1_LOCALOBJECTREFERENCE: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
]);

static API_CORE_V1_LOCALVOLUMESOURCE: Message = Message(&[
    Field(1, "path", Always, One, String),
    Field(2, "fsType", Optional, One, String),
]);

static API_CORE_V1_MODIFYVOLUMESTATUS: Message = Message(&[
    Field(1, "targetVolumeAttributesClassName", OmitZero, One, String),
    Field(2, "status", Always, One, String),
]);

static API_CORE_V1_NAMESPACE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_NAMESPACESPEC)),
    Field(3, "status", Always, One, Nested(&API_CORE_V1_NAMESPACESTATUS)),
]);

static API_CORE_V1_NAMESPACECONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(4, "lastTransitionTime", Always, One, Time),
    Field(5, "reason", OmitZero, One, String),
    Field(6, "message", OmitZero, One, String),
]);

static API_CORE_V1_NAMESPACELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_NAMESPACE)),
]);

static API_CORE_V1_NAMESPACESPEC: Message = Message(&[
    Field(1, "finalizers", OmitZero, List, String),
]);

static API_CORE_V1_NAMESPACESTATUS: Message = Message(&[
    Field(1, "phase", OmitZero, One, String),
    Field(2, "conditions", OmitZero, List, Nested(&API_CORE_V1_NAMESPACECONDITION)),
]);

static API_CORE_V1_NFSVOLUMESOURCE: Message = Message(&[
    Field(1, "server", Always, One, String),
    Field(2, "path", Always, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_NODE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_NODESPEC)),
    Field(3, "status", Always, One, Nested(&API_CORE_V1_NODESTATUS)),
]);

static API_CORE_V1_NODEADDRESS: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "address", Always, One, String),
]);

static API_CORE_V1_NODEAFFINITY: Message = Message(&[
    Field(1, "requiredDuringSchedulingIgnoredDuringExecution", Optional, One, Nested(&API_CORE_V1_NODESELECTOR)),
    Field(2, "preferredDuringSchedulingIgnoredDuringExecution", OmitZero, List, Nested(&API_CORE_V1_PREFERREDSCHEDULINGTERM)),
]);

static API_CORE_V1_NODECONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastHeartbeatTime", Always, One, Time),
    Field(4, "lastTransitionTime", Always, One, Time),
    Field(5, "reason", OmitZero, One, String),
    Field(6, "message", OmitZero, One, String),
]);

static API_CORE_V1_NODECONFIGSOURCE: Message = Message(&[
    Field(2, "configMap", Optional, One, Nested(&API_CORE_V1_CONFIGMAPNODECONFIGSOURCE)),
]);

static API_CORE_V1_NODECONFIGSTATUS: Message = Message(&[
    Field(1, "assigned", Optional, One, Nested(&API_CORE_V1_NODECONFIGSOURCE)),
    Field(2, "active", Optional, One, Nested(&API_CORE_V1_NODECONFIGSOURCE)),
    Field(3, "lastKnownGood", Optional, One, Nested(&API_CORE_V1_NODECONFIGSOURCE)),
    Field(4, "error", OmitZero, One, String),
]);

static API_CORE_V1_NODEDAEMONENDPOINTS: Message = Message(&[
    Field(1, "kubeletEndpoint", Always, One, Nested(&API_CORE_V1_DAEMONENDPOINT)),
]);

static API_CORE_V1_NODEFEATURES: Message = Message(&[
    Field(1, "supplementalGroupsPolicy", Optional, One, Bool),
]);

static API_CORE_V1_NODELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_NODE)),
]);

static API_CORE_V1_NODEPROXYOPTIONS: Message = Message(&[
    Field(1, "path", OmitZero, One, String),
]);

static API_CORE_V1_NODERUNTIMEHANDLER: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "features", Optional, One, Nested(&API_CORE_V1_NODERUNTIMEHANDLERFEATURES)),
]);

static API_CORE_V1_NODERUNTIMEHANDLERFEATURES: Message = Message(&[
    Field(1, "recursiveReadOnlyMounts", Optional, One, Bool),
    Field(2, "userNamespaces", Optional, One, Bool),
]);

static API_CORE_V1_NODESELECTOR: Message = Message(&[
    Field(1, "nodeSelectorTerms", Always, List, Nested(&API_CORE_V1_NODESELECTORTERM)),
]);

static API_CORE_V1_NODESELECTORREQUIREMENT: Message = Message(&[
    Field(1, "key", Always, One, String),
    Field(2, "operator", Always, One, String),
    Field(3, "values", OmitZero, List, String),
]);

static API_CORE_V1_NODESELECTORTERM: Message = Message(&[
    Field(1, "matchExpressions", OmitZero, List, Nested(&API_CORE_V1_NODESELECTORREQUIREMENT)),
    Field(2, "matchFields", OmitZero, List, Nested(&API_CORE_V1_NODESELECTORREQUIREMENT)),
]);

static API_CORE_V1_NODESPEC: Message = Message(&[
    Field(1, "podCIDR", OmitZero, One, String),
    Field(2, "externalID", OmitZero, One, String),
    Field(3, "providerID", OmitZero, One, String),
    Field(4, "unschedulable", OmitZero, One, Bool),
    Field(5, "taints", OmitZero, List, Nested(&API_CORE_V1_TAINT)),
    Field(6, "configSource", Optional, One, Nested(&API_CORE_V1_NODECONFIGSOURCE)),
    Field(7, "podCIDRs", OmitZero, List, String),
]);

static API_CORE_V1_NODESTATUS: Message = Message(&[
    Field(1, "capacity", OmitZero, Map, Quantity),
    Field(2, "allocatable", OmitZero, Map, Quantity),
    Field(3, "phase", OmitZero, One, String),
    Field(4, "conditions", OmitZero, List, Nested(&API_CORE_V1_NODECONDITION)),
    Field(5, "addresses", OmitZero, List, Nested(&API_CORE_V1_NODEADDRESS)),
    Field(6, "daemonEndpoints", Always, One, Nested(&API_CORE_V1_NODEDAEMONENDPOINTS)),
    Field(7, "nodeInfo", Always, One, Nested(&API_CORE_V1_NODESYSTEMINFO)),
    Field(8, "images", OmitZero, List, Nested(&API_CORE_V1_CONTAINERIMAGE)),
    Field(9, "volumesInUse", OmitZero, List, String),
    Field(10, "volumesAttached", OmitZero, List, Nested(&API_CORE_V1_ATTACHEDVOLUME)),
    Field(11, "config", Optional, One, Nested(&API_CORE_V1_NODECONFIGSTATUS)),
    Field(12, "runtimeHandlers", OmitZero, List, Nested(&API_CORE_V1_NODERUNTIMEHANDLER)),
    Field(13, "features", Optional, One, Nested(&API_CORE_V1_NODEFEATURES)),
]);

static API_CORE_V1_NODESWAPSTATUS: Message = Message(&[
    Field(1, "capacity", Optional, One, Int64),
]);

static API_CORE_V1_NODESYSTEMINFO: Message = Message(&[
    Field(1, "machineID", Always, One, String),
    Field(2, "systemUUID", Always, One, String),
    Field(3, "bootID", Always, One, String),
    Field(4, "kernelVersion", Always, One, String),
    Field(5, "osImage", Always, One, String),
    Field(6, "containerRuntimeVersion", Always, One, String),
    Field(7, "kubeletVersion", Always, One, String),
    Field(8, "kubeProxyVersion", Always, One, String),
    Field(9, "operatingSystem", Always, One, String),
    Field(10, "architecture", Always, One, String),
    Field(11, "swap", Optional, One, Nested(&API_CORE_V1_NODESWAPSTATUS)),
]);

static API_CORE_V1_OBJECTFIELDSELECTOR: Message = Message(&[
    Field(1, "apiVersion", OmitZero, One, String),
    Field(2, "fieldPath", Always, One, String),
]);

static API_CORE_V1_OBJECTREFERENCE: Message = Message(&[
    Field(1, "kind", OmitZero, One, String),
    Field(2, "namespace", OmitZero, One, String),
    Field(3, "name", OmitZero, One, String),
    Field(4, "uid", OmitZero, One, String),
    Field(5, "apiVersion", OmitZero, One, String),
    Field(6, "resourceVersion", OmitZero, One, String),
    Field(7, "fieldPath", OmitZero, One, String),
]);

static API_CORE_V1_PERSISTENTVOLUME: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_PERSISTENTVOLUMESPEC)),
    Field(3, "status", Always, One, Nested(&API_CORE_V1_PERSISTENTVOLUMESTATUS)),
]);

static API_CORE_V1_PERSISTENTVOLUMECLAIM: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_PERSISTENTVOLUMECLAIMSPEC)),
    Field(3, "status", Always, One, Nested(&API_CORE_V1_PERSISTENTVOLUMECLAIMSTATUS)),
]);

static API_CORE_V1_PERSISTENTVOLUMECLAIMCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastProbeTime", Always, One, Time),
    Field(4, "lastTransitionTime", Always, One, Time),
    Field(5, "reason", OmitZero, One, String),
    Field(6, "message", OmitZero, One, String),
]);

static API_CORE_V1_PERSISTENTVOLUMECLAIMLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_PERSISTENTVOLUMECLAIM)),
]);

static API_CORE_V1_PERSISTENTVOLUMECLAIMSPEC: Message = Message(&[
    Field(1, "accessModes", OmitZero, List, String),
    Field(2, "resources", Always, One, Nested(&API_CORE_V1_VOLUMERESOURCEREQUIREMENTS)),
    Field(3, "volumeName", OmitZero, One, String),
    Field(4, "selector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(5, "storageClassName", Optional, One, String),
    Field(6, "volumeMode", Optional, One, String),
    Field(7, "dataSource", Optional, One, Nested(&API_CORE_V1_TYPEDLOCALOBJECTREFERENCE)),
    Field(8, "dataSourceRef", Optional, One, Nested(&API_CORE_V1_TYPEDOBJECTREFERENCE)),
    Field(9, "volumeAttributesClassName", Optional, One, String),
]);

static API_CORE_V1_PERSISTENTVOLUMECLAIMSTATUS: Message = Message(&[
    Field(1, "phase", OmitZero, One, String),
    Field(2, "accessModes", OmitZero, List, String),
    Field(3, "capacity", OmitZero, Map, Quantity),
    Field(4, "conditions", OmitZero, List, Nested(&API_CORE_V1_PERSISTENTVOLUMECLAIMCONDITION)),
    Field(5, "allocatedResources", OmitZero, Map, Quantity),
    Field(7, "allocatedResourceStatuses", OmitZero, Map, String),
    Field(8, "currentVolumeAttributesClassName", Optional, One, String),
    Field(9, "modifyVolumeStatus", Optional, One, Nested(&API_CORE_V1_MODIFYVOLUMESTATUS)),
]);

static API_CORE_V1_PERSISTENTVOLUMECLAIMTEMPLATE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_PERSISTENTVOLUMECLAIMSPEC)),
]);

static API_CORE_V1_PERSISTENTVOLUMECLAIMVOLUMESOURCE: Message = Message(&[
    Field(1, "claimName", Always, One, String),
    Field(2, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_PERSISTENTVOLUMELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_PERSISTENTVOLUME)),
]);

static API_CORE_V1_PERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "gcePersistentDisk", Optional, One, Nested(&API_CORE_V1_GCEPERSISTENTDISKVOLUMESOURCE)),
    Field(2, "awsElasticBlockStore", Optional, One, Nested(&API_CORE_V1_AWSELASTICBLOCKSTOREVOLUMESOURCE)),
    Field(3, "hostPath", Optional, One, Nested(&API_CORE_V1_HOSTPATHVOLUMESOURCE)),
    Field(4, "glusterfs", Optional, One, Nested(&API_CORE_V1_GLUSTERFSPERSISTENTVOLUMESOURCE)),
    Field(5, "nfs", Optional, One, Nested(&API_CORE_V1_NFSVOLUMESOURCE)),
    Field(6, "rbd", Optional, One, Nested(&API_CORE_V1_RBDPERSISTENTVOLUMESOURCE)),
    Field(7, "iscsi", Optional, One, Nested(&API_CORE_V1_ISCSIPERSISTENTVOLUMESOURCE)),
    Field(8, "cinder", Optional, One, Nested(&API_CORE_V1_CINDERPERSISTENTVOLUMESOURCE)),
    Field(9, "cephfs", Optional, One, Nested(&API_CORE_V1_CEPHFSPERSISTENTVOLUMESOURCE)),
    Field(10, "fc", Optional, One, Nested(&API_CORE_V1_FCVOLUMESOURCE)),
    Field(11, "flocker", Optional, One, Nested(&API_CORE_V1_FLOCKERVOLUMESOURCE)),
    Field(12, "flexVolume", Optional, One, Nested(&API_CORE_V1_FLEXPERSISTENTVOLUMESOURCE)),
    Field(13, "azureFile", Optional, One, Nested(&API_CORE_V1_AZUREFILEPERSISTENTVOLUMESOURCE)),
    Field(14, "vsphereVolume", Optional, One, Nested(&API_CORE_V1_VSPHEREVIRTUALDISKVOLUMESOURCE)),
    Field(15, "quobyte", Optional, One, Nested(&API_CORE_V1_QUOBYTEVOLUMESOURCE)),
    Field(16, "azureDisk", Optional, One, Nested(&API_CORE_V1_AZUREDISKVOLUMESOURCE)),
    Field(17, "photonPersistentDisk", Optional, One, Nested(&API_CORE_V1_PHOTONPERSISTENTDISKVOLUMESOURCE)),
    Field(18, "portworxVolume", Optional, One, Nested(&API_CORE_V1_PORTWORXVOLUMESOURCE)),
    Field(19, "scaleIO", Optional, One, Nested(&API_CORE_V1_SCALEIOPERSISTENTVOLUMESOURCE)),
    Field(20, "local", Optional, One, Nested(&API_CORE_V1_LOCALVOLUMESOURCE)),
    Field(21, "storageos", Optional, One, Nested(&API_CORE_V1_STORAGEOSPERSISTENTVOLUMESOURCE)),
    Field(22, "csi", Optional, One, Nested(&API_CORE_V1_CSIPERSISTENTVOLUMESOURCE)),
]);

static API_CORE_V1_PERSISTENTVOLUMESPEC: Message = Message(&[
    Field(1, "capacity", OmitZero, Map, Quantity),
    Field(2, "", Inline, One, Nested(&API_CORE_V1_PERSISTENTVOLUMESOURCE)),
    Field(3, "accessModes", OmitZero, List, String),
    Field(4, "claimRef", Optional, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(5, "persistentVolumeReclaimPolicy", OmitZero, One, String),
    Field(6, "storageClassName", OmitZero, One, String),
    Field(7, "mountOptions", OmitZero, List, String),
    Field(8, "volumeMode", Optional, One, String),
    Field(9, "nodeAffinity", Optional, One, Nested(&API_CORE_V1_VOLUMENODEAFFINITY)),
    Field(10, "volumeAttributesClassName", Optional, One, String),
]);

static API_CORE_V1_PERSISTENTVOLUMESTATUS: Message = Message(&[
    Field(1, "phase", OmitZero, One, String),
    Field(2, "message", OmitZero, One, String),
    Field(3, "reason", OmitZero, One, String),
    Field(4, "lastPhaseTransitionTime", Optional, One, Time),
]);

static API_CORE_V1_PHOTONPERSISTENTDISKVOLUMESOURCE: Message = Message(&[
    Field(1, "pdID", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
]);

static API_CORE_V1_POD: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_PODSPEC)),
    Field(3, "status", Always, One, Nested(&API_CORE_V1_PODSTATUS)),
]);

static API_CORE_V1_PODAFFINITY: Message = Message(&[
    Field(1, "requiredDuringSchedulingIgnoredDuringExecution", OmitZero, List, Nested(&API_CORE_V1_PODAFFINITYTERM)),
    Field(2, "preferredDuringSchedulingIgnoredDuringExecution", OmitZero, List, Nested(&API_CORE_V1_WEIGHTEDPODAFFINITYTERM)),
]);

static API_CORE_V1_PODAFFINITYTERM: Message = Message(&[
    Field(1, "labelSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(2, "namespaces", OmitZero, List, String),
    Field(3, "topologyKey", Always, One, String),
    Field(4, "namespaceSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(5, "matchLabelKeys", OmitZero, List, String),
    Field(6, "mismatchLabelKeys", OmitZero, List, String),
]);

static API_CORE_V1_PODANTIAFFINITY: Message = Message(&[
    Field(1, "requiredDuringSchedulingIgnoredDuringExecution", OmitZero, List, Nested(&API_CORE_V1_PODAFFINITYTERM)),
    Field(2, "preferredDuringSchedulingIgnoredDuringExecution", OmitZero, List, Nested(&API_CORE_V1_WEIGHTEDPODAFFINITYTERM)),
]);

static API_CORE_V1_PODATTACHOPTIONS: Message = Message(&[
    Field(1, "stdin", OmitZero, One, Bool),
    Field(2, "stdout", OmitZero, One, Bool),
    Field(3, "stderr", OmitZero, One, Bool),
    Field(4, "tty", OmitZero, One, Bool),
    Field(5, "container", OmitZero, One, String),
]);

static API_CORE_V1_PODCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastProbeTime", Always, One, Time),
    Field(4, "lastTransitionTime", Always, One, Time),
    Field(5, "reason", OmitZero, One, String),
    Field(6, "message", OmitZero, One, String),
    Field(7, "observedGeneration", OmitZero, One, Int64),
]);

static API_CORE_V1_PODDNSCONFIG: Message = Message(&[
    Field(1, "nameservers", OmitZero, List, String),
    Field(2, "searches", OmitZero, List, String),
    Field(3, "options", OmitZero, List, Nested(&API_CORE_V1_PODDNSCONFIGOPTION)),
]);

static API_CORE_V1_PODDNSCONFIGOPTION: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
    Field(2, "value", Optional, One, String),
]);

static API_CORE_V1_PODEXECOPTIONS: Message = Message(&[
    Field(1, "stdin", OmitZero, One, Bool),
    Field(2, "stdout", OmitZero, One, Bool),
    Field(3, "stderr", OmitZero, One, Bool),
    Field(4, "tty", OmitZero, One, Bool),
    Field(5, "container", OmitZero, One, String),
    Field(6, "command", Always, List, String),
]);

static API_CORE_V1_PODIP: Message = Message(&[
    Field(1, "ip", Always, One, String),
]);

static API_CORE_V1_PODLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_POD)),
]);

static API_CORE_V1_PODLOGOPTIONS: Message = Message(&[
    Field(1, "container", OmitZero, One, String),
    Field(2, "follow", OmitZero, One, Bool),
    Field(3, "previous", OmitZero, One, Bool),
    Field(4, "sinceSeconds", Optional, One, Int64),
    Field(5, "sinceTime", Optional, One, Time),
    Field(6, "timestamps", OmitZero, One, Bool),
    Field(7, "tailLines", Optional, One, Int64),
    Field(8, "limitBytes", Optional, One, Int64),
    Field(9, "insecureSkipTLSVerifyBackend", OmitZero, One, Bool),
    Field(10, "stream", Optional, One, String),
]);

static API_CORE_V1_PODOS: Message = Message(&[
    Field(1, "name", Always, One, String),
]);

static API_CORE_V1_PODPORTFORWARDOPTIONS: Message = Message(&[
    Field(1, "ports", OmitZero, List, Int32),
]);

static API_CORE_V1_PODPROXYOPTIONS: Message = Message(&[
    Field(1, "path", OmitZero, One, String),
]);

static API_CORE_V1_PODREADINESSGATE: Message = Message(&[
    Field(1, "conditionType", Always, One, String),
]);

static API_CORE_V1_PODRESOURCECLAIM: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(3, "resourceClaimName", Optional, One, String),
    Field(4, "resourceClaimTemplateName", Optional, One, String),
]);

static API_CORE_V1_PODRESOURCECLAIMSTATUS: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "resourceClaimName", Optional, One, String),
]);

static API_CORE_V1_PODSCHEDULINGGATE: Message = Message(&[
    Field(1, "name", Always, One, String),
]);

static API_CORE_V1_PODSECURITYCONTEXT: Message = Message(&[
    Field(1, "seLinuxOptions", Optional, One, Nested(&API_CORE_V1_SELINUXOPTIONS)),
    Field(2, "runAsUser", Optional, One, Int64),
    Field(3, "runAsNonRoot", Optional, One, Bool),
    Field(4, "supplementalGroups", OmitZero, List, Int64),
    Field(5, "fsGroup", Optional, One, Int64),
    Field(6, "runAsGroup", Optional, One, Int64),
    Field(7, "sysctls", OmitZero, List, Nested(&API_CORE_V1_SYSCTL)),
    Field(8, "windowsOptions", Optional, One, Nested(&API_CORE_V1_WINDOWSSECURITYCONTEXTOPTIONS)),
    Field(9, "fsGroupChangePolicy", Optional, One, String),
    Field(10, "seccompProfile", Optional, One, Nested(&API_CORE_V1_SECCOMPPROFILE)),
    Field(11, "appArmorProfile", Optional, One, Nested(&API_CORE_V1_APPARMORPROFILE)),
    Field(12, "supplementalGroupsPolicy", Optional, One, String),
    Field(13, "seLinuxChangePolicy", Optional, One, String),
]);

static API_CORE_V1_PODSPEC: Message = Message(&[
    Field(1, "volumes", OmitZero, List, Nested(&API_CORE_V1_VOLUME)),
    Field(2, "containers", Always, List, Nested(&API_CORE_V1_CONTAINER)),
    Field(3, "restartPolicy", OmitZero, One, String),
    Field(4, "terminationGracePeriodSeconds", Optional, One, Int64),
    Field(5, "activeDeadlineSeconds", Optional, One, Int64),
    Field(6, "dnsPolicy", OmitZero, One, String),
    Field(7, "nodeSelector", OmitZero, Map, String),
    Field(8, "serviceAccountName", OmitZero, One, String),
    Field(9, "serviceAccount", OmitZero, One, String),
    Field(10, "nodeName", OmitZero, One, String),
    Field(11, "hostNetwork", OmitZero, One, Bool),
    Field(12, "hostPID", OmitZero, One, Bool),
    Field(13, "hostIPC", OmitZero, One, Bool),
    Field(14, "securityContext", Optional, One, Nested(&API_CORE_V1_PODSECURITYCONTEXT)),
    Field(15, "imagePullSecrets", OmitZero, List, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(16, "hostname", OmitZero, One, String),
    Field(17, "subdomain", OmitZero, One, String),
    Field(18, "affinity", Optional, One, Nested(&API_CORE_V1_AFFINITY)),
    Field(19, "schedulerName", OmitZero, One, String),
    Field(20, "initContainers", OmitZero, List, Nested(&API_CORE_V1_CONTAINER)),
    Field(21, "automountServiceAccountToken", Optional, One, Bool),
    Field(22, "tolerations", OmitZero, List, Nested(&API_CORE_V1_TOLERATION)),
    Field(23, "hostAliases", OmitZero, List, Nested(&API_CORE_V1_HOSTALIAS)),
    Field(24, "priorityClassName", OmitZero, One, String),
    Field(25, "priority", Optional, One, Int32),
    Field(26, "dnsConfig", Optional, One, Nested(&API_CORE_V1_PODDNSCONFIG)),
    Field(27, "shareProcessNamespace", Optional, One, Bool),
    Field(28, "readinessGates", OmitZero, List, Nested(&API_CORE_V1_PODREADINESSGATE)),
    Field(29, "runtimeClassName", Optional, One, String),
    Field(30, "enableServiceLinks", Optional, One, Bool),
    Field(31, "preemptionPolicy", Optional, One, String),
    Field(32, "overhead", OmitZero, Map, Quantity),
    Field(33, "topologySpreadConstraints", OmitZero, List, Nested(&API_CORE_V1_TOPOLOGYSPREADCONSTRAINT)),
    Field(34, "ephemeralContainers", OmitZero, List, Nested(&API_CORE_V1_EPHEMERALCONTAINER)),
    Field(35, "setHostnameAsFQDN", Optional, One, Bool),
    Field(36, "os", Optional, One, Nested(&API_CORE_V1_PODOS)),
    Field(37, "hostUsers", Optional, One, Bool),
    Field(38, "schedulingGates", OmitZero, List, Nested(&API_CORE_V1_PODSCHEDULINGGATE)),
    Field(39, "resourceClaims", OmitZero, List, Nested(&API_CORE_V1_PODRESOURCECLAIM)),
    Field(40, "resources", Optional, One, Nested(&API_CORE_V1_RESOURCEREQUIREMENTS)),
]);

static API_CORE_V1_PODSTATUS: Message = Message(&[
    Field(1, "phase", OmitZero, One, String),
    Field(2, "conditions", OmitZero, List, Nested(&API_CORE_V1_PODCONDITION)),
    Field(3, "message", OmitZero, One, String),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "hostIP", OmitZero, One, String),
    Field(6, "podIP", OmitZero, One, String),
    Field(7, "startTime", Optional, One, Time),
    Field(8, "containerStatuses", OmitZero, List, Nested(&API_CORE_V1_CONTAINERSTATUS)),
    Field(9, "qosClass", OmitZero, One, String),
    Field(10, "initContainerStatuses", OmitZero, List, Nested(&API_CORE_V1_CONTAINERSTATUS)),
    Field(11, "nominatedNodeName", OmitZero, One, String),
    Field(12, "podIPs", OmitZero, List, Nested(&API_CORE_V1_PODIP)),
    Field(13, "ephemeralContainerStatuses", OmitZero, List, Nested(&API_CORE_V1_CONTAINERSTATUS)),
    Field(14, "resize", OmitZero, One, String),
    Field(15, "resourceClaimStatuses", OmitZero, List, Nested(&API_CORE_V1_PODRESOURCECLAIMSTATUS)),
    Field(16, "hostIPs", OmitZero, List, Nested(&API_CORE_V1_HOSTIP)),
    Field(17, "observedGeneration", OmitZero, One, Int64),
]);

static API_CORE_V1_PODSTATUSRESULT: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "status", Always, One, Nested(&API_CORE_V1_PODSTATUS)),
]);

static API_CORE_V1_PODTEMPLATE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "template", Always, One, Nested(&API_CORE_V1_PODTEMPLATESPEC)),
]);

static API_CORE_V1_PODTEMPLATELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_PODTEMPLATE)),
]);

static API_CORE_V1_PODTEMPLATESPEC: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_PODSPEC)),
]);

static API_CORE_V1_PORTSTATUS: Message = Message(&[
    Field(1, "port", Always, One, Int32),
    Field(2, "protocol", Always, One, String),
    Field(3, "error", Optional, One, String),
]);

static API_CORE_V1_PORTWORXVOLUMESOURCE: Message = Message(&[
    Field(1, "volumeID", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_PREFERREDSCHEDULINGTERM: Message = Message(&[
    Field(1, "weight", Always, One, Int32),
    Field(2, "preference", Always, One, Nested(&API_CORE_V1_NODESELECTORTERM)),
]);

static API_CORE_V1_PROBE: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_PROBEHANDLER)),
    Field(2, "initialDelaySeconds", OmitZero, One, Int32),
    Field(3, "timeoutSeconds", OmitZero, One, Int32),
    Field(4, "periodSeconds", OmitZero, One, Int32),
    Field(5, "successThreshold", OmitZero, One, Int32),
    Field(6, "failureThreshold", OmitZero, One, Int32),
    Field(7, "terminationGracePeriodSeconds", Optional, One, Int64),
]);

static API_CORE_V1_PROBEHANDLER: Message = Message(&[
    Field(1, "exec", Optional, One, Nested(&API_CORE_V1_EXECACTION)),
    Field(2, "httpGet", Optional, One, Nested(&API_CORE_V1_HTTPGETACTION)),
    Field(3, "tcpSocket", Optional, One, Nested(&API_CORE_V1_TCPSOCKETACTION)),
    Field(4, "grpc", Optional, One, Nested(&API_CORE_V1_GRPCACTION)),
]);

static API_CORE_V1_PROJECTEDVOLUMESOURCE: Message = Message(&[
    Field(1, "sources", Always, List, Nested(&API_CORE_V1_VOLUMEPROJECTION)),
    Field(2, "defaultMode", Optional, One, Int32),
]);

static API_CORE_V1_QUOBYTEVOLUMESOURCE: Message = Message(&[
    Field(1, "registry", Always, One, String),
    Field(2, "volume", Always, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
    Field(4, "user", OmitZero, One, String),
    Field(5, "group", OmitZero, One, String),
    Field(6, "tenant", OmitZero, One, String),
]);

static API_CORE_V1_RANGEALLOCATION: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "range", Always, One, String),
    Field(3, "data", Always, One, Bytes),
]);

static API_CORE_V1_RBDPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "monitors", Always, List, String),
    Field(2, "image", Always, One, String),
    Field(3, "fsType", OmitZero, One, String),
    Field(4, "pool", OmitZero, One, String),
    Field(5, "user", OmitZero, One, String),
    Field(6, "keyring", OmitZero, One, String),
    Field(7, "secretRef", Optional, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(8, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_RBDVOLUMESOURCE: Message = Message(&[
    Field(1, "monitors", Always, List, String),
    Field(2, "image", Always, One, String),
    Field(3, "fsType", OmitZero, One, String),
    Field(4, "pool", OmitZero, One, String),
    Field(5, "user", OmitZero, One, String),
    Field(6, "keyring", OmitZero, One, String),
    Field(7, "secretRef", Optional, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(8, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_REPLICATIONCONTROLLER: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_REPLICATIONCONTROLLERSPEC)),
    Field(3, "status", Always, One, Nested(&API_CORE_V1_REPLICATIONCONTROLLERSTATUS)),
]);

static API_CORE_V1_REPLICATIONCONTROLLERCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static API_CORE_V1_REPLICATIONCONTROLLERLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_REPLICATIONCONTROLLER)),
]);

static API_CORE_V1_REPLICATIONCONTROLLERSPEC: Message = Message(&[
    Field(1, "replicas", Optional, One, Int32),
    Field(2, "selector", OmitZero, Map, String),
    Field(3, "template", Optional, One, Nested(&API_CORE_V1_PODTEMPLATESPEC)),
    Field(4, "minReadySeconds", OmitZero, One, Int32),
]);

static API_CORE_V1_REPLICATIONCONTROLLERSTATUS: Message = Message(&[
    Field(1, "replicas", Always, One, Int32),
    Field(2, "fullyLabeledReplicas", OmitZero, One, Int32),
    Field(3, "observedGeneration", OmitZero, One, Int64),
    Field(4, "readyReplicas", OmitZero, One, Int32),
    Field(5, "availableReplicas", OmitZero, One, Int32),
    Field(6, "conditions", OmitZero, List, Nested(&API_CORE_V1_REPLICATIONCONTROLLERCONDITION)),
]);

static API_CORE_V1_RESOURCECLAIM: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "request", OmitZero, One, String),
]);

static API_CORE_V1_RESOURCEFIELDSELECTOR: Message = Message(&[
    Field(1, "containerName", OmitZero, One, String),
    Field(2, "resource", Always, One, String),
    Field(3, "divisor", Always, One, Quantity),
]);

static API_CORE_V1_RESOURCEHEALTH: Message = Message(&[
    Field(1, "resourceID", Always, One, String),
    Field(2, "health", OmitZero, One, String),
]);

static API_CORE_V1_RESOURCEQUOTA: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_RESOURCEQUOTASPEC)),
    Field(3, "status", Always, One, Nested(&API_CORE_V1_RESOURCEQUOTASTATUS)),
]);

static API_CORE_V1_RESOURCEQUOTALIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_RESOURCEQUOTA)),
]);

static API_CORE_V1_RESOURCEQUOTASPEC: Message = Message(&[
    Field(1, "hard", OmitZero, Map, Quantity),
    Field(2, "scopes", OmitZero, List, String),
    Field(3, "scopeSelector", Optional, One, Nested(&API_CORE_V1_SCOPESELECTOR)),
]);

static API_CORE_V1_RESOURCEQUOTASTATUS: Message = Message(&[
    Field(1, "hard", OmitZero, Map, Quantity),
    Field(2, "used", OmitZero, Map, Quantity),
]);

static API_CORE_V1_RESOURCEREQUIREMENTS: Message = Message(&[
    Field(1, "limits", OmitZero, Map, Quantity),
    Field(2, "requests", OmitZero, Map, Quantity),
    Field(3, "claims", OmitZero, List, Nested(&API_CORE_V1_RESOURCECLAIM)),
]);

static API_CORE_V1_RESOURCESTATUS: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "resources", OmitZero, List, Nested(&API_CORE_V1_RESOURCEHEALTH)),
]);

static API_CORE_V1_SCALEIOPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "gateway", Always, One, String),
    Field(2, "system", Always, One, String),
    Field(3, "secretRef", Nullable, One, Nested(&API_CORE_V1_SECRETREFERENCE)),
    Field(4, "sslEnabled", OmitZero, One, Bool),
    Field(5, "protectionDomain", OmitZero, One, String),
    Field(6, "storagePool", OmitZero, One, String),
    Field(7, "storageMode", OmitZero, One, String),
    Field(8, "volumeName", OmitZero, One, String),
    Field(9, "fsType", OmitZero, One, String),
    Field(10, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_SCALEIOVOLUMESOURCE: Message = Message(&[
    Field(1, "gateway", Always, One, String),
    Field(2, "system", Always, One, String),
    Field(3, "secretRef", Nullable, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(4, "sslEnabled", OmitZero, One, Bool),
    Field(5, "protectionDomain", OmitZero, One, String),
    Field(6, "storagePool", OmitZero, One, String),
    Field(7, "storageMode", OmitZero, One, String),
    Field(8, "volumeName", OmitZero, One, String),
    Field(9, "fsType", OmitZero, One, String),
    Field(10, "readOnly", OmitZero, One, Bool),
]);

static API_CORE_V1_SCOPEDRESOURCESELECTORREQUIREMENT: Message = Message(&[
    Field(1, "scopeName", Always, One, String),
    Field(2, "operator", Always, One, String),
    Field(3, "values", OmitZero, List, String),
]);

static API_CORE_V1_SCOPESELECTOR: Message = Message(&[
    Field(1, "matchExpressions", OmitZero, List, Nested(&API_CORE_V1_SCOPEDRESOURCESELECTORREQUIREMENT)),
]);

static API_CORE_V1_SECCOMPPROFILE: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "localhostProfile", Optional, One, String),
]);

static API_CORE_V1_SECRET: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "data", OmitZero, Map, Bytes),
    Field(3, "type", OmitZero, One, String),
    Field(4, "stringData", OmitZero, Map, String),
    Field(5, "immutable", Optional, One, Bool),
]);

static API_CORE_V1_SECRETENVSOURCE: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(2, "optional", Optional, One, Bool),
]);

static API_CORE_V1_SECRETKEYSELECTOR: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(2, "key", Always, One, String),
    Field(3, "optional", Optional, One, Bool),
]);

static API_CORE_V1_SECRETLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_SECRET)),
]);

static API_CORE_V1_SECRETPROJECTION: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(2, "items", OmitZero, List, Nested(&API_CORE_V1_KEYTOPATH)),
    Field(4, "optional", Optional, One, Bool),
]);

static API_CORE_V1_SECRETREFERENCE: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
    Field(2, "namespace", OmitZero, One, String),
]);

static API_CORE_V1_SECRETVOLUMESOURCE: Message = Message(&[
    Field(1, "secretName", OmitZero, One, String),
    Field(2, "items", OmitZero, List, Nested(&API_CORE_V1_KEYTOPATH)),
    Field(3, "defaultMode", Optional, One, Int32),
    Field(4, "optional", Optional, One, Bool),
]);

static API_CORE_V1_SECURITYCONTEXT: Message = Message(&[
    Field(1, "capabilities", Optional, One, Nested(&API_CORE_V1_CAPABILITIES)),
    Field(2, "privileged", Optional, One, Bool),
    Field(3, "seLinuxOptions", Optional, One, Nested(&API_CORE_V1_SELINUXOPTIONS)),
    Field(4, "runAsUser", Optional, One, Int64),
    Field(5, "runAsNonRoot", Optional, One, Bool),
    Field(6, "readOnlyRootFilesystem", Optional, One, Bool),
    Field(7, "allowPrivilegeEscalation", Optional, One, Bool),
    Field(8, "runAsGroup", Optional, One, Int64),
    Field(9, "procMount", Optional, One, String),
    Field(10, "windowsOptions", Optional, One, Nested(&API_CORE_V1_WINDOWSSECURITYCONTEXTOPTIONS)),
    Field(11, "seccompProfile", Optional, One, Nested(&API_CORE_V1_SECCOMPPROFILE)),
    Field(12, "appArmorProfile", Optional, One, Nested(&API_CORE_V1_APPARMORPROFILE)),
]);

static API_CORE_V1_SELINUXOPTIONS: Message = Message(&[
    Field(1, "user", OmitZero, One, String),
    Field(2, "role", OmitZero, One, String),
    Field(3, "type", OmitZero, One, String),
    Field(4, "level", OmitZero, One, String),
]);

static API_CORE_V1_SERIALIZEDREFERENCE: Message = Message(&[
    Field(1, "reference", Always, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
]);

static API_CORE_V1_SERVICE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_CORE_V1_SERVICESPEC)),
    Field(3, "status", Always, One, Nested(&API_CORE_V1_SERVICESTATUS)),
]);

static API_CORE_V1_SERVICEACCOUNT: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "secrets", OmitZero, List, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(3, "imagePullSecrets", OmitZero, List, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
    Field(4, "automountServiceAccountToken", Optional, One, Bool),
]);

static API_CORE_V1_SERVICEACCOUNTLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_SERVICEACCOUNT)),
]);

static API_CORE_V1_SERVICEACCOUNTTOKENPROJECTION: Message = Message(&[
    Field(1, "audience", OmitZero, One, String),
    Field(2, "expirationSeconds", Optional, One, Int64),
    Field(3, "path", Always, One, String),
]);

static API_CORE_V1_SERVICELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_CORE_V1_SERVICE)),
]);

static API_CORE_V1_SERVICEPORT: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
    Field(2, "protocol", OmitZero, One, String),
    Field(3, "port", Always, One, Int32),
    Field(4, "targetPort", Always, One, IntOrString),
    Field(5, "nodePort", OmitZero, One, Int32),
    Field(6, "appProtocol", Optional, One, String),
]);

static API_CORE_V1_SERVICEPROXYOPTIONS: Message = Message(&[
    Field(1, "path", OmitZero, One, String),
]);

static API_CORE_V1_SERVICESPEC: Message = Message(&[
    Field(1, "ports", OmitZero, List, Nested(&API_CORE_V1_SERVICEPORT)),
    Field(2, "selector", OmitZero, Map, String),
    Field(3, "clusterIP", OmitZero, One, String),
    Field(4, "type", OmitZero, One, String),
    Field(5, "externalIPs", OmitZero, List, String),
    Field(7, "sessionAffinity", OmitZero, One, String),
    Field(8, "loadBalancerIP", OmitZero, One, String),
    Field(9, "loadBalancerSourceRanges", OmitZero, List, String),
    Field(10, "externalName", OmitZero, One, String),
    Field(11, "externalTrafficPolicy", OmitZero, One, String),
    Field(12, "healthCheckNodePort", OmitZero, One, Int32),
    Field(13, "publishNotReadyAddresses", OmitZero, One, Bool),
    Field(14, "sessionAffinityConfig", Optional, One, Nested(&API_CORE_V1_SESSIONAFFINITYCONFIG)),
    Field(17, "ipFamilyPolicy", Optional, One, String),
    Field(18, "clusterIPs", OmitZero, List, String),
    Field(19, "ipFamilies", OmitZero, List, String),
    Field(20, "allocateLoadBalancerNodePorts", Optional, One, Bool),
    Field(21, "loadBalancerClass", Optional, One, String),
    Field(22, "internalTrafficPolicy", Optional, One, String),
    Field(23, "trafficDistribution", Optional, One, String),
]);

static API_CORE_V1_SERVICESTATUS: Message = Message(&[
    Field(1, "loadBalancer", Always, One, Nested(&API_CORE_V1_LOADBALANCERSTATUS)),
    Field(2, "conditions", OmitZero, List, Nested(&APIMACHINERY_META_V1_CONDITION)),
]);

static API_CORE_V1_SESSIONAFFINITYCONFIG: Message = Message(&[
    Field(1, "clientIP", Optional, One, Nested(&API_CORE_V1_CLIENTIPCONFIG)),
]);

static API_CORE_V1_SLEEPACTION: Message = Message(&[
    Field(1, "seconds", Always, One, Int64),
]);

static API_CORE_V1_STORAGEOSPERSISTENTVOLUMESOURCE: Message = Message(&[
    Field(1, "volumeName", OmitZero, One, String),
    Field(2, "volumeNamespace", OmitZero, One, String),
    Field(3, "fsType", OmitZero, One, String),
    Field(4, "readOnly", OmitZero, One, Bool),
    Field(5, "secretRef", Optional, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
]);

static API_CORE_V1_STORAGEOSVOLUMESOURCE: Message = Message(&[
    Field(1, "volumeName", OmitZero, One, String),
    Field(2, "volumeNamespace", OmitZero, One, String),
    Field(3, "fsType", OmitZero, One, String),
    Field(4, "readOnly", OmitZero, One, Bool),
    Field(5, "secretRef", Optional, One, Nested(&API_CORE_V1_LOCALOBJECTREFERENCE)),
]);

static API_CORE_V1_SYSCTL: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "value", Always, One, String),
]);

static API_CORE_V1_TAINT: Message = Message(&[
    Field(1, "key", Always, One, String),
    Field(2, "value", OmitZero, One, String),
    Field(3, "effect", Always, One, String),
    Field(4, "timeAdded", Optional, One, Time),
]);

static API_CORE_V1_TCPSOCKETACTION: Message = Message(&[
    Field(1, "port", Always, One, IntOrString),
    Field(2, "host", OmitZero, One, String),
]);

static API_CORE_V1_TOLERATION: Message = Message(&[
    Field(1, "key", OmitZero, One, String),
    Field(2, "operator", OmitZero, One, String),
    Field(3, "value", OmitZero, One, String),
    Field(4, "effect", OmitZero, One, String),
    Field(5, "tolerationSeconds", Optional, One, Int64),
]);

static API_CORE_V1_TOPOLOGYSELECTORLABELREQUIREMENT: Message = Message(&[
    Field(1, "key", Always, One, String),
    Field(2, "values", Always, List, String),
]);

static API_CORE_V1_TOPOLOGYSELECTORTERM: Message = Message(&[
    Field(1, "matchLabelExpressions", OmitZero, List, Nested(&API_CORE_V1_TOPOLOGYSELECTORLABELREQUIREMENT)),
]);

static API_CORE_V1_TOPOLOGYSPREADCONSTRAINT: Message = Message(&[
    Field(1, "maxSkew", Always, One, Int32),
    Field(2, "topologyKey", Always, One, String),
    Field(3, "whenUnsatisfiable", Always, One, String),
    Field(4, "labelSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(5, "minDomains", Optional, One, Int32),
    Field(6, "nodeAffinityPolicy", Optional, One, String),
    Field(7, "nodeTaintsPolicy", Optional, One, String),
    Field(8, "matchLabelKeys", OmitZero, List, String),
]);

static API_CORE_V1_TYPEDLOCALOBJECTREFERENCE: Message = Message(&[
    Field(1, "apiGroup", Nullable, One, String),
    Field(2, "kind", Always, One, String),
    Field(3, "name", Always, One, String),
]);

static API_CORE_V1_TYPEDOBJECTREFERENCE: Message = Message(&[
    Field(1, "apiGroup", Nullable, One, String),
    Field(2, "kind", Always, One, String),
    Field(3, "name", Always, One, String),
    Field(4, "namespace", Optional, One, String),
]);

static API_CORE_V1_VOLUME: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "", Inline, One, Nested(&API_CORE_V1_VOLUMESOURCE)),
]);

static API_CORE_V1_VOLUMEDEVICE: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "devicePath", Always, One, String),
]);

static API_CORE_V1_VOLUMEMOUNT: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "readOnly", OmitZero, One, Bool),
    Field(3, "mountPath", Always, One, String),
    Field(4, "subPath", OmitZero, One, String),
    Field(5, "mountPropagation", Optional, One, String),
    Field(6, "subPathExpr", OmitZero, One, String),
    Field(7, "recursiveReadOnly", Optional, One, String),
]);

static API_CORE_V1_VOLUMEMOUNTSTATUS: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "mountPath", Always, One, String),
    Field(3, "readOnly", OmitZero, One, Bool),
    Field(4, "recursiveReadOnly", Optional, One, String),
]);

static API_CORE_V1_VOLUMENODEAFFINITY: Message = Message(&[
    Field(1, "required", Optional, One, Nested(&API_CORE_V1_NODESELECTOR)),
]);

static API_CORE_V1_VOLUMEPROJECTION: Message = Message(&[
    Field(1, "secret", Optional, One, Nested(&API_CORE_V1_SECRETPROJECTION)),
    Field(2, "downwardAPI", Optional, One, Nested(&API_CORE_V1_DOWNWARDAPIPROJECTION)),
    Field(3, "configMap", Optional, One, Nested(&API_CORE_V1_CONFIGMAPPROJECTION)),
    Field(4, "serviceAccountToken", Optional, One, Nested(&API_CORE_V1_SERVICEACCOUNTTOKENPROJECTION)),
    Field(5, "clusterTrustBundle", Optional, One, Nested(&API_CORE_V1_CLUSTERTRUSTBUNDLEPROJECTION)),
]);

static API_CORE_V1_VOLUMERESOURCEREQUIREMENTS: Message = Message(&[
    Field(1, "limits", OmitZero, Map, Quantity),
    Field(2, "requests", OmitZero, Map, Quantity),
]);

static API_CORE_V1_VOLUMESOURCE: Message = Message(&[
    Field(1, "hostPath", Optional, One, Nested(&API_CORE_V1_HOSTPATHVOLUMESOURCE)),
    Field(2, "emptyDir", Optional, One, Nested(&API_CORE_V1_EMPTYDIRVOLUMESOURCE)),
    Field(3, "gcePersistentDisk", Optional, One, Nested(&API_CORE_V1_GCEPERSISTENTDISKVOLUMESOURCE)),
    Field(4, "awsElasticBlockStore", Optional, One, Nested(&API_CORE_V1_AWSELASTICBLOCKSTOREVOLUMESOURCE)),
    Field(5, "gitRepo", Optional, One, Nested(&API_CORE_V1_GITREPOVOLUMESOURCE)),
    Field(6, "secret", Optional, One, Nested(&API_CORE_V1_SECRETVOLUMESOURCE)),
    Field(7, "nfs", Optional, One, Nested(&API_CORE_V1_NFSVOLUMESOURCE)),
    Field(8, "iscsi", Optional, One, Nested(&API_CORE_V1_ISCSIVOLUMESOURCE)),
    Field(9, "glusterfs", Optional, One, Nested(&API_CORE_V1_GLUSTERFSVOLUMESOURCE)),
    Field(10, "persistentVolumeClaim", Optional, One, Nested(&API_CORE_V1_PERSISTENTVOLUMECLAIMVOLUMESOURCE)),
    Field(11, "rbd", Optional, One, Nested(&API_CORE_V1_RBDVOLUMESOURCE)),
    Field(12, "flexVolume", Optional, One, Nested(&API_CORE_V1_FLEXVOLUMESOURCE)),
    Field(13, "cinder", Optional, One, Nested(&API_CORE_V1_CINDERVOLUMESOURCE)),
    Field(14, "cephfs", Optional, One, Nested(&API_CORE_V1_CEPHFSVOLUMESOURCE)),
    Field(15, "flocker", Optional, One, Nested(&API_CORE_V1_FLOCKERVOLUMESOURCE)),
    Field(16, "downwardAPI", Optional, One, Nested(&API_CORE_V1_DOWNWARDAPIVOLUMESOURCE)),
    Field(17, "fc", Optional, One, Nested(&API_CORE_V1_FCVOLUMESOURCE)),
    Field(18, "azureFile", Optional, One, Nested(&API_CORE_V1_AZUREFILEVOLUMESOURCE)),
    Field(19, "configMap", Optional, One, Nested(&API_CORE_V1_CONFIGMAPVOLUMESOURCE)),
    Field(20, "vsphereVolume", Optional, One, Nested(&API_CORE_V1_VSPHEREVIRTUALDISKVOLUMESOURCE)),
    Field(21, "quobyte", Optional, One, Nested(&API_CORE_V1_QUOBYTEVOLUMESOURCE)),
    Field(22, "azureDisk", Optional, One, Nested(&API_CORE_V1_AZUREDISKVOLUMESOURCE)),
    Field(23, "photonPersistentDisk", Optional, One, Nested(&API_CORE_V1_PHOTONPERSISTENTDISKVOLUMESOURCE)),
    Field(24, "portworxVolume", Optional, One, Nested(&API_CORE_V1_PORTWORXVOLUMESOURCE)),
    Field(25, "scaleIO", Optional, One, Nested(&API_CORE_V1_SCALEIOVOLUMESOURCE)),
    Field(26, "projected", Optional, One, Nested(&API_CORE_V1_PROJECTEDVOLUMESOURCE)),
    Field(27, "storageos", Optional, One, Nested(&API_CORE_V1_STORAGEOSVOLUMESOURCE)),
    Field(28, "csi", Optional, One, Nested(&API_CORE_V1_CSIVOLUMESOURCE)),
    Field(29, "ephemeral", Optional, One, Nested(&API_CORE_V1_EPHEMERALVOLUMESOURCE)),
    Field(30, "image", Optional, One, Nested(&API_CORE_V1_IMAGEVOLUMESOURCE)),
]);

static API_CORE_V1_VSPHEREVIRTUALDISKVOLUMESOURCE: Message = Message(&[
    Field(1, "volumePath", Always, One, String),
    Field(2, "fsType", OmitZero, One, String),
    Field(3, "storagePolicyName", OmitZero, One, String),
    Field(4, "storagePolicyID", OmitZero, One, String),
]);

static API_CORE_V1_WEIGHTEDPODAFFINITYTERM: Message = Message(&[
    Field(1, "weight", Always, One, Int32),
    Field(2, "podAffinityTerm", Always, One, Nested(&API_CORE_V1_PODAFFINITYTERM)),
]);

static API_CORE_V1_WINDOWSSECURITYCONTEXTOPTIONS: Message = Message(&[
    Field(1, "gmsaCredentialSpecName", Optional, One, String),
    Field(2, "gmsaCredentialSpec", Optional, One, String),
    Field(3, "runAsUserName", Optional, One, String),
    Field(4, "hostProcess", Optional, One, Bool),
]);

static API_DISCOVERY_V1_ENDPOINT: Message = Message(&[
    Field(1, "addresses", Always, List, String),
    Field(2, "conditions", Always, One, Nested(&API_DISCOVERY_V1_ENDPOINTCONDITIONS)),
    Field(3, "hostname", Optional, One, String),
    Field(4, "targetRef", Optional, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(5, "deprecatedTopology", OmitZero, Map, String),
    Field(6, "nodeName", Optional, One, String),
    Field(7, "zone", Optional, One, String),
    Field(8, "hints", Optional, One, Nested(&API_DISCOVERY_V1_ENDPOINTHINTS)),
]);

static API_DISCOVERY_V1_ENDPOINTCONDITIONS: Message = Message(&[
    Field(1, "ready", Optional, One, Bool),
    Field(2, "serving", Optional, One, Bool),
    Field(3, "terminating", Optional, One, Bool),
]);

static API_DISCOVERY_V1_ENDPOINTHINTS: Message = Message(&[
    Field(1, "forZones", OmitZero, List, Nested(&API_DISCOVERY_V1_FORZONE)),
    Field(2, "forNodes", OmitZero, List, Nested(&API_DISCOVERY_V1_FORNODE)),
]);

static API_DISCOVERY_V1_ENDPOINTPORT: Message = Message(&[
    Field(1, "name", Optional, One, String),
    Field(2, "protocol", Optional, One, String),
    Field(3, "port", Optional, One, Int32),
    Field(4, "appProtocol", Optional, One, String),
]);

static API_DISCOVERY_V1_ENDPOINTSLICE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "endpoints", Always, List, Nested(&API_DISCOVERY_V1_ENDPOINT)),
    Field(3, "ports", Always, List, Nested(&API_DISCOVERY_V1_ENDPOINTPORT)),
    Field(4, "addressType", Always, One, String),
]);

static API_DISCOVERY_V1_ENDPOINTSLICELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_DISCOVERY_V1_ENDPOINTSLICE)),
]);

static API_DISCOVERY_V1_FORNODE: Message = Message(&[
    Field(1, "name", Always, One, String),
]);

static API_DISCOVERY_V1_FORZONE: Message = Message(&[
    Field(1, "name", Always, One, String),
]);

static API_EVENTS_V1_EVENT: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "eventTime", Always, One, MicroTime),
    Field(3, "series", Optional, One, Nested(&API_EVENTS_V1_EVENTSERIES)),
    Field(4, "reportingController", OmitZero, One, String),
    Field(5, "reportingInstance", OmitZero, One, String),
    Field(6, "action", OmitZero, One, String),
    Field(7, "reason", OmitZero, One, String),
    Field(8, "regarding", Always, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(9, "related", Optional, One, Nested(&API_CORE_V1_OBJECTREFERENCE)),
    Field(10, "note", OmitZero, One, String),
    Field(11, "type", OmitZero, One, String),
    Field(12, "deprecatedSource", Always, One, Nested(&API_CORE_V1_EVENTSOURCE)),
    Field(13, "deprecatedFirstTimestamp", Always, One, Time),
    Field(14, "deprecatedLastTimestamp", Always, One, Time),
    Field(15, "deprecatedCount", OmitZero, One, Int32),
]);

static API_EVENTS_V1_EVENTLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_EVENTS_V1_EVENT)),
]);

static API_EVENTS_V1_EVENTSERIES: Message = Message(&[
    Field(1, "count", Always, One, Int32),
    Field(2, "lastObservedTime", Always, One, MicroTime),
]);

static API_FLOWCONTROL_V1_EXEMPTPRIORITYLEVELCONFIGURATION: Message = Message(&[
    Field(1, "nominalConcurrencyShares", Optional, One, Int32),
    Field(2, "lendablePercent", Optional, One, Int32),
]);

static API_FLOWCONTROL_V1_FLOWDISTINGUISHERMETHOD: Message = Message(&[
    Field(1, "type", Always, One, String),
]);

static API_FLOWCONTROL_V1_FLOWSCHEMA: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_FLOWCONTROL_V1_FLOWSCHEMASPEC)),
    Field(3, "status", Always, One, Nested(&API_FLOWCONTROL_V1_FLOWSCHEMASTATUS)),
]);

static API_FLOWCONTROL_V1_FLOWSCHEMACONDITION: Message = Message(&[
    Field(1, "type", OmitZero, One, String),
    Field(2, "status", OmitZero, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static API_FLOWCONTROL_V1_FLOWSCHEMALIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_FLOWCONTROL_V1_FLOWSCHEMA)),
]);

static API_FLOWCONTROL_V1_FLOWSCHEMASPEC: Message = Message(&[
    Field(1, "priorityLevelConfiguration", Always, One, Nested(&API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONREFERENCE)),
    Field(2, "matchingPrecedence", Always, One, Int32),
    Field(3, "distinguisherMethod", Optional, One, Nested(&API_FLOWCONTROL_V1_FLOWDISTINGUISHERMETHOD)),
    Field(4, "rules", OmitZero, List, Nested(&API_FLOWCONTROL_V1_POLICYRULESWITHSUBJECTS)),
]);

static API_FLOWCONTROL_V1_FLOWSCHEMASTATUS: Message = Message(&[
    Field(1, "conditions", OmitZero, List, Nested(&API_FLOWCONTROL_V1_FLOWSCHEMACONDITION)),
]);

static API_FLOWCONTROL_V1_GROUPSUBJECT: Message = Message(&[
    Field(1, "name", Always, One, String),
]);

static API_FLOWCONTROL_V1_LIMITEDPRIORITYLEVELCONFIGURATION: Message = Message(&[
    Field(1, "nominalConcurrencyShares", Nullable, One, Int32),
    Field(2, "limitResponse", Always, One, Nested(&API_FLOWCONTROL_V1_LIMITRESPONSE)),
    Field(3, "lendablePercent", Optional, One, Int32),
    Field(4, "borrowingLimitPercent", Optional, One, Int32),
]);

static API_FLOWCONTROL_V1_LIMITRESPONSE: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "queuing", Optional, One, Nested(&API_FLOWCONTROL_V1_QUEUINGCONFIGURATION)),
]);

static API_FLOWCONTROL_V1_NONRESOURCEPOLICYRULE: Message = Message(&[
    Field(1, "verbs", Always, List, String),
    Field(6, "nonResourceURLs", Always, List, String),
]);

static API_FLOWCONTROL_V1_POLICYRULESWITHSUBJECTS: Message = Message(&[
    Field(1, "subjects", Always, List, Nested(&API_FLOWCONTROL_V1_SUBJECT)),
    Field(2, "resourceRules", OmitZero, List, Nested(&API_FLOWCONTROL_V1_RESOURCEPOLICYRULE)),
    Field(3, "nonResourceRules", OmitZero, List, Nested(&API_FLOWCONTROL_V1_NONRESOURCEPOLICYRULE)),
]);

static API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATION: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONSPEC)),
    Field(3, "status", Always, One, Nested(&API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONSTATUS)),
]);

static API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONCONDITION: Message = Message(&[
    Field(1, "type", OmitZero, One, String),
    Field(2, "status", OmitZero, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATION)),
]);

static API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONREFERENCE: Message = Message(&[
    Field(1, "name", Always, One, String),
]);

static API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONSPEC: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "limited", Optional, One, Nested(&API_FLOWCONTROL_V1_LIMITEDPRIORITYLEVELCONFIGURATION)),
    Field(3, "exempt", Optional, One, Nested(&API_FLOWCONTROL_V1_EXEMPTPRIORITYLEVELCONFIGURATION)),
]);

static API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONSTATUS: Message = Message(&[
    Field(1, "conditions", OmitZero, List, Nested(&API_FLOWCONTROL_V1_PRIORITYLEVELCONFIGURATIONCONDITION)),
]);

static API_FLOWCONTROL_V1_QUEUINGCONFIGURATION: Message = Message(&[
    Field(1, "queues", Always, One, Int32),
    Field(2, "handSize", Always, One, Int32),
    Field(3, "queueLengthLimit", Always, One, Int32),
]);

static API_FLOWCONTROL_V1_RESOURCEPOLICYRULE: Message = Message(&[
    Field(1, "verbs", Always, List, String),
    Field(2, "apiGroups", Always, List, String),
    Field(3, "resources", Always, List, String),
    Field(4, "clusterScope", OmitZero, One, Bool),
    Field(5, "namespaces", Always, List, String),
]);

static API_FLOWCONTROL_V1_SERVICEACCOUNTSUBJECT: Message = Message(&[
    Field(1, "namespace", Always, One, String),
    Field(2, "name", Always, One, String),
]);

static API_FLOWCONTROL_V1_SUBJECT: Message = Message(&[
    Field(1, "kind", Always, One, String),
    Field(2, "user", Optional, One, Nested(&API_FLOWCONTROL_V1_USERSUBJECT)),
    Field(3, "group", Optional, One, Nested(&API_FLOWCONTROL_V1_GROUPSUBJECT)),
    Field(4, "serviceAccount", Optional, One, Nested(&API_FLOWCONTROL_V1_SERVICEACCOUNTSUBJECT)),
]);

static API_FLOWCONTROL_V1_USERSUBJECT: Message = Message(&[
    Field(1, "name", Always, One, String),
]);

static API_NETWORKING_V1_HTTPINGRESSPATH: Message = Message(&[
    Field(1, "path", OmitZero, One, String),
    Field(2, "backend", Always, One, Nested(&API_NETWORKING_V1_INGRESSBACKEND)),
    Field(3, "pathType", Nullable, One, String),
]);

static API_NETWORKING_V1_HTTPINGRESSRULEVALUE: Message = Message(&[
    Field(1, "paths", Always, List, Nested(&API_NETWORKING_V1_HTTPINGRESSPATH)),
]);

static API_NETWORKING_V1_INGRESS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_NETWORKING_V1_INGRESSSPEC)),
    Field(3, "status", Always, One, Nested(&API_NETWORKING_V1_INGRESSSTATUS)),
]);

static API_NETWORKING_V1_INGRESSBACKEND: Message = Message(&[
    Field(3, "resource", Optional, One, Nested(&API_CORE_V1_TYPEDLOCALOBJECTREFERENCE)),
    Field(4, "service", Optional, One, Nested(&API_NETWORKING_V1_INGRESSSERVICEBACKEND)),
]);

static API_NETWORKING_V1_INGRESSCLASS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_NETWORKING_V1_INGRESSCLASSSPEC)),
]);

static API_NETWORKING_V1_INGRESSCLASSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_NETWORKING_V1_INGRESSCLASS)),
]);

static API_NETWORKING_V1_INGRESSCLASSPARAMETERSREFERENCE: Message = Message(&[
    Field(1, "apiGroup", Optional, One, String),
    Field(2, "kind", Always, One, String),
    Field(3, "name", Always, One, String),
    Field(4, "scope", Nullable, One, String),
    Field(5, "namespace", Optional, One, String),
]);

static API_NETWORKING_V1_INGRESSCLASSSPEC: Message = Message(&[
    Field(1, "controller", OmitZero, One, String),
    Field(2, "parameters", Optional, One, Nested(&API_NETWORKING_V1_INGRESSCLASSPARAMETERSREFERENCE)),
]);

static API_NETWORKING_V1_INGRESSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_NETWORKING_V1_INGRESS)),
]);

static API_NETWORKING_V1_INGRESSLOADBALANCERINGRESS: Message = Message(&[
    Field(1, "ip", OmitZero, One, String),
    Field(2, "hostname", OmitZero, One, String),
    Field(4, "ports", OmitZero, List, Nested(&API_NETWORKING_V1_INGRESSPORTSTATUS)),
]);

static API_NETWORKING_V1_INGRESSLOADBALANCERSTATUS: Message = Message(&[
    Field(1, "ingress", OmitZero, List, Nested(&API_NETWORKING_V1_INGRESSLOADBALANCERINGRESS)),
]);

static API_NETWORKING_V1_INGRESSPORTSTATUS: Message = Message(&[
    Field(1, "port", Always, One, Int32),
    Field(2, "protocol", Always, One, String),
    Field(3, "error", Optional, One, String),
]);

static API_NETWORKING_V1_INGRESSRULE: Message = Message(&[
    Field(1, "host", OmitZero, One, String),
    Field(2, "", Inline, One, Nested(&API_NETWORKING_V1_INGRESSRULEVALUE)),
]);

static API_NETWORKING_V1_INGRESSRULEVALUE: Message = Message(&[
    Field(1, "http", Optional, One, Nested(&API_NETWORKING_V1_HTTPINGRESSRULEVALUE)),
]);

static API_NETWORKING_V1_INGRESSSERVICEBACKEND: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "port", Always, One, Nested(&API_NETWORKING_V1_SERVICEBACKENDPORT)),
]);

static API_NETWORKING_V1_INGRESSSPEC: Message = Message(&[
    Field(1, "defaultBackend", Optional, One, Nested(&API_NETWORKING_V1_INGRESSBACKEND)),
    Field(2, "tls", OmitZero, List, Nested(&API_NETWORKING_V1_INGRESSTLS)),
    Field(3, "rules", OmitZero, List, Nested(&API_NETWORKING_V1_INGRESSRULE)),
    Field(4, "ingressClassName", Optional, One, String),
]);

static API_NETWORKING_V1_INGRESSSTATUS: Message = Message(&[
    Field(1, "loadBalancer", Always, One, Nested(&API_NETWORKING_V1_INGRESSLOADBALANCERSTATUS)),
]);

static API_NETWORKING_V1_INGRESSTLS: Message = Message(&[
    Field(1, "hosts", OmitZero, List, String),
    Field(2, "secretName", OmitZero, One, String),
]);

static API_NETWORKING_V1_IPADDRESS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_NETWORKING_V1_IPADDRESSSPEC)),
]);

static API_NETWORKING_V1_IPADDRESSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_NETWORKING_V1_IPADDRESS)),
]);

static API_NETWORKING_V1_IPADDRESSSPEC: Message = Message(&[
    Field(1, "parentRef", Optional, One, Nested(&API_NETWORKING_V1_PARENTREFERENCE)),
]);

static API_NETWORKING_V1_IPBLOCK: Message = Message(&[
    Field(1, "cidr", Always, One, String),
    Field(2, "except", OmitZero, List, String),
]);

static API_NETWORKING_V1_NETWORKPOLICY: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_NETWORKING_V1_NETWORKPOLICYSPEC)),
]);

static API_NETWORKING_V1_NETWORKPOLICYEGRESSRULE: Message = Message(&[
    Field(1, "ports", OmitZero, List, Nested(&API_NETWORKING_V1_NETWORKPOLICYPORT)),
    Field(2, "to", OmitZero, List, Nested(&API_NETWORKING_V1_NETWORKPOLICYPEER)),
]);

static API_NETWORKING_V1_NETWORKPOLICYINGRESSRULE: Message = Message(&[
    Field(1, "ports", OmitZero, List, Nested(&API_NETWORKING_V1_NETWORKPOLICYPORT)),
    Field(2, "from", OmitZero, List, Nested(&API_NETWORKING_V1_NETWORKPOLICYPEER)),
]);

static API_NETWORKING_V1_NETWORKPOLICYLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_NETWORKING_V1_NETWORKPOLICY)),
]);

static API_NETWORKING_V1_NETWORKPOLICYPEER: Message = Message(&[
    Field(1, "podSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(2, "namespaceSelector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(3, "ipBlock", Optional, One, Nested(&API_NETWORKING_V1_IPBLOCK)),
]);

static API_NETWORKING_V1_NETWORKPOLICYPORT: Message = Message(&[
    Field(1, "protocol", Optional, One, String),
    Field(2, "port", Optional, One, IntOrString),
    Field(3, "endPort", Optional, One, Int32),
]);

static API_NETWORKING_V1_NETWORKPOLICYSPEC: Message = Message(&[
    Field(1, "podSelector", Always, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(2, "ingress", OmitZero, List, Nested(&API_NETWORKING_V1_NETWORKPOLICYINGRESSRULE)),
    Field(3, "egress", OmitZero, List, Nested(&API_NETWORKING_V1_NETWORKPOLICYEGRESSRULE)),
    Field(4, "policyTypes", OmitZero, List, String),
]);

static API_NETWORKING_V1_PARENTREFERENCE: Message = Message(&[
    Field(1, "group", OmitZero, One, String),
    Field(2, "resource", OmitZero, One, String),
    Field(3, "namespace", OmitZero, One, String),
    Field(4, "name", OmitZero, One, String),
]);

static API_NETWORKING_V1_SERVICEBACKENDPORT: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
    Field(2, "number", OmitZero, One, Int32),
]);

static API_NETWORKING_V1_SERVICECIDR: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_NETWORKING_V1_SERVICECIDRSPEC)),
    Field(3, "status", Always, One, Nested(&API_NETWORKING_V1_SERVICECIDRSTATUS)),
]);

static API_NETWORKING_V1_SERVICECIDRLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_NETWORKING_V1_SERVICECIDR)),
]);

static API_NETWORKING_V1_SERVICECIDRSPEC: Message = Message(&[
    Field(1, "cidrs", OmitZero, List, String),
]);

static API_NETWORKING_V1_SERVICECIDRSTATUS: Message = Message(&[
    Field(1, "conditions", OmitZero, List, Nested(&APIMACHINERY_META_V1_CONDITION)),
]);

static API_NODE_V1_OVERHEAD: Message = Message(&[
    Field(1, "podFixed", OmitZero, Map, Quantity),
]);

static API_NODE_V1_RUNTIMECLASS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "handler", Always, One, String),
    Field(3, "overhead", Optional, One, Nested(&API_NODE_V1_OVERHEAD)),
    Field(4, "scheduling", Optional, One, Nested(&API_NODE_V1_SCHEDULING)),
]);

static API_NODE_V1_RUNTIMECLASSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_NODE_V1_RUNTIMECLASS)),
]);

static API_NODE_V1_SCHEDULING: Message = Message(&[
    Field(1, "nodeSelector", OmitZero, Map, String),
    Field(2, "tolerations", OmitZero, List, Nested(&API_CORE_V1_TOLERATION)),
]);

static API_POLICY_V1_EVICTION: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "deleteOptions", Optional, One, Nested(&APIMACHINERY_META_V1_DELETEOPTIONS)),
]);

static API_POLICY_V1_PODDISRUPTIONBUDGET: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_POLICY_V1_PODDISRUPTIONBUDGETSPEC)),
    Field(3, "status", Always, One, Nested(&API_POLICY_V1_PODDISRUPTIONBUDGETSTATUS)),
]);

static API_POLICY_V1_PODDISRUPTIONBUDGETLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_POLICY_V1_PODDISRUPTIONBUDGET)),
]);

static API_POLICY_V1_PODDISRUPTIONBUDGETSPEC: Message = Message(&[
    Field(1, "minAvailable", Optional, One, IntOrString),
    Field(2, "selector", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(3, "maxUnavailable", Optional, One, IntOrString),
    Field(4, "unhealthyPodEvictionPolicy", Optional, One, String),
]);

static API_POLICY_V1_PODDISRUPTIONBUDGETSTATUS: Message = Message(&[
    Field(1, "observedGeneration", OmitZero, One, Int64),
    Field(2, "disruptedPods", OmitZero, Map, Time),
    Field(3, "disruptionsAllowed", Always, One, Int32),
    Field(4, "currentHealthy", Always, One, Int32),
    Field(5, "desiredHealthy", Always, One, Int32),
    Field(6, "expectedPods", Always, One, Int32),
    Field(7, "conditions", OmitZero, List, Nested(&APIMACHINERY_META_V1_CONDITION)),
]);

static API_RBAC_V1_AGGREGATIONRULE: Message = Message(&[
    Field(1, "clusterRoleSelectors", OmitZero, List, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
]);

static API_RBAC_V1_CLUSTERROLE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "rules", Always, List, Nested(&API_RBAC_V1_POLICYRULE)),
    Field(3, "aggregationRule", Optional, One, Nested(&API_RBAC_V1_AGGREGATIONRULE)),
]);

static API_RBAC_V1_CLUSTERROLEBINDING: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "subjects", OmitZero, List, Nested(&API_RBAC_V1_SUBJECT)),
    Field(3, "roleRef", Always, One, Nested(&API_RBAC_V1_ROLEREF)),
]);

static API_RBAC_V1_CLUSTERROLEBINDINGLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_RBAC_V1_CLUSTERROLEBINDING)),
]);

static API_RBAC_V1_CLUSTERROLELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_RBAC_V1_CLUSTERROLE)),
]);

static API_RBAC_V1_POLICYRULE: Message = Message(&[
    Field(1, "verbs", Always, List, String),
    Field(2, "apiGroups", OmitZero, List, String),
    Field(3, "resources", OmitZero, List, String),
    Field(4, "resourceNames", OmitZero, List, String),
    Field(5, "nonResourceURLs", OmitZero, List, String),
]);

static API_RBAC_V1_ROLE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "rules", Always, List, Nested(&API_RBAC_V1_POLICYRULE)),
]);

static API_RBAC_V1_ROLEBINDING: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "subjects", OmitZero, List, Nested(&API_RBAC_V1_SUBJECT)),
    Field(3, "roleRef", Always, One, Nested(&API_RBAC_V1_ROLEREF)),
]);

static API_RBAC_V1_ROLEBINDINGLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_RBAC_V1_ROLEBINDING)),
]);

static API_RBAC_V1_ROLELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_RBAC_V1_ROLE)),
]);

static API_RBAC_V1_ROLEREF: Message = Message(&[
    Field(1, "apiGroup", Always, One, String),
    Field(2, "kind", Always, One, String),
    Field(3, "name", Always, One, String),
]);

static API_RBAC_V1_SUBJECT: Message = Message(&[
    Field(1, "kind", Always, One, String),
    Field(2, "apiGroup", OmitZero, One, String),
    Field(3, "name", Always, One, String),
    Field(4, "namespace", OmitZero, One, String),
]);

static API_RESOURCE_V1BETA2_ALLOCATEDDEVICESTATUS: Message = Message(&[
    Field(1, "driver", Always, One, String),
    Field(2, "pool", Always, One, String),
    Field(3, "device", Always, One, String),
    Field(4, "conditions", Always, List, Nested(&APIMACHINERY_META_V1_CONDITION)),
    Field(5, "data", Optional, One, Json),
    Field(6, "networkData", Optional, One, Nested(&API_RESOURCE_V1BETA2_NETWORKDEVICEDATA)),
]);

static API_RESOURCE_V1BETA2_ALLOCATIONRESULT: Message = Message(&[
    Field(1, "devices", Always, One, Nested(&API_RESOURCE_V1BETA2_DEVICEALLOCATIONRESULT)),
    Field(3, "nodeSelector", Optional, One, Nested(&API_CORE_V1_NODESELECTOR)),
]);

static API_RESOURCE_V1BETA2_CELDEVICESELECTOR: Message = Message(&[
    Field(1, "expression", Always, One, String),
]);

static API_RESOURCE_V1BETA2_COUNTER: Message = Message(&[
    Field(1, "value", Always, One, Quantity),
]);

static API_RESOURCE_V1BETA2_COUNTERSET: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "counters", OmitZero, Map, Nested(&API_RESOURCE_V1BETA2_COUNTER)),
]);

static API_RESOURCE_V1BETA2_DEVICE: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "attributes", OmitZero, Map, Nested(&API_RESOURCE_V1BETA2_DEVICEATTRIBUTE)),
    Field(3, "capacity", OmitZero, Map, Nested(&API_RESOURCE_V1BETA2_DEVICECAPACITY)),
    Field(4, "consumesCounters", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICECOUNTERCONSUMPTION)),
    Field(5, "nodeName", Optional, One, String),
    Field(6, "nodeSelector", Optional, One, Nested(&API_CORE_V1_NODESELECTOR)),
    Field(7, "allNodes", Optional, One, Bool),
    Field(8, "taints", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICETAINT)),
]);

static API_RESOURCE_V1BETA2_DEVICEALLOCATIONCONFIGURATION: Message = Message(&[
    Field(1, "source", Always, One, String),
    Field(2, "requests", OmitZero, List, String),
    Field(3, "", Inline, One, Nested(&API_RESOURCE_V1BETA2_DEVICECONFIGURATION)),
]);

static API_RESOURCE_V1BETA2_DEVICEALLOCATIONRESULT: Message = Message(&[
    Field(1, "results", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICEREQUESTALLOCATIONRESULT)),
    Field(2, "config", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICEALLOCATIONCONFIGURATION)),
]);

static API_RESOURCE_V1BETA2_DEVICEATTRIBUTE: Message = Message(&[
    Field(2, "int", Optional, One, Int64),
    Field(3, "bool", Optional, One, Bool),
    Field(4, "string", Optional, One, String),
    Field(5, "version", Optional, One, String),
]);

static API_RESOURCE_V1BETA2_DEVICECAPACITY: Message = Message(&[
    Field(1, "value", Always, One, Quantity),
]);

static API_RESOURCE_V1BETA2_DEVICECLAIM: Message = Message(&[
    Field(1, "requests", Always, List, Nested(&API_RESOURCE_V1BETA2_DEVICEREQUEST)),
    Field(2, "constraints", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICECONSTRAINT)),
    Field(3, "config", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICECLAIMCONFIGURATION)),
]);

static API_RESOURCE_V1BETA2_DEVICECLAIMCONFIGURATION: Message = Message(&[
    Field(1, "requests", OmitZero, List, String),
    Field(2, "", Inline, One, Nested(&API_RESOURCE_V1BETA2_DEVICECONFIGURATION)),
]);

static API_RESOURCE_V1BETA2_DEVICECLASS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_RESOURCE_V1BETA2_DEVICECLASSSPEC)),
]);

static API_RESOURCE_V1BETA2_DEVICECLASSCONFIGURATION: Message = Message(&[
    Field(1, "", Inline, One, Nested(&API_RESOURCE_V1BETA2_DEVICECONFIGURATION)),
]);

static API_RESOURCE_V1BETA2_DEVICECLASSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_RESOURCE_V1BETA2_DEVICECLASS)),
]);

static API_RESOURCE_V1BETA2_DEVICECLASSSPEC: Message = Message(&[
    Field(1, "selectors", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICESELECTOR)),
    Field(2, "config", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICECLASSCONFIGURATION)),
]);

static API_RESOURCE_V1BETA2_DEVICECONFIGURATION: Message = Message(&[
    Field(1, "opaque", Optional, One, Nested(&API_RESOURCE_V1BETA2_OPAQUEDEVICECONFIGURATION)),
]);

static API_RESOURCE_V1BETA2_DEVICECONSTRAINT: Message = Message(&[
    Field(1, "requests", OmitZero, List, String),
    Field(2, "matchAttribute", Optional, One, String),
]);

static API_RESOURCE_V1BETA2_DEVICECOUNTERCONSUMPTION: Message = Message(&[
    Field(1, "counterSet", Always, One, String),
    Field(2, "counters", OmitZero, Map, Nested(&API_RESOURCE_V1BETA2_COUNTER)),
]);

static API_RESOURCE_V1BETA2_DEVICEREQUEST: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "exactly", Optional, One, Nested(&API_RESOURCE_V1BETA2_EXACTDEVICEREQUEST)),
    Field(3, "firstAvailable", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICESUBREQUEST)),
]);

static API_RESOURCE_V1BETA2_DEVICEREQUESTALLOCATIONRESULT: Message = Message(&[
    Field(1, "request", Always, One, String),
    Field(2, "driver", Always, One, String),
    Field(3, "pool", Always, One, String),
    Field(4, "device", Always, One, String),
    Field(5, "adminAccess", Nullable, One, Bool),
    Field(6, "tolerations", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICETOLERATION)),
]);

static API_RESOURCE_V1BETA2_DEVICESELECTOR: Message = Message(&[
    Field(1, "cel", Optional, One, Nested(&API_RESOURCE_V1BETA2_CELDEVICESELECTOR)),
]);

static API_RESOURCE_V1BETA2_DEVICESUBREQUEST: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "deviceClassName", Always, One, String),
    Field(3, "selectors", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICESELECTOR)),
    Field(4, "allocationMode", OmitZero, One, String),
    Field(5, "count", OmitZero, One, Int64),
    Field(6, "tolerations", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICETOLERATION)),
]);

static API_RESOURCE_V1BETA2_DEVICETAINT: Message = Message(&[
    Field(1, "key", Always, One, String),
    Field(2, "value", OmitZero, One, String),
    Field(3, "effect", Always, One, String),
    Field(4, "timeAdded", Optional, One, Time),
]);

static API_RESOURCE_V1BETA2_DEVICETOLERATION: Message = Message(&[
    Field(1, "key", OmitZero, One, String),
    Field(2, "operator", OmitZero, One, String),
    Field(3, "value", OmitZero, One, String),
    Field(4, "effect", OmitZero, One, String),
    Field(5, "tolerationSeconds", Optional, One, Int64),
]);

static API_RESOURCE_V1BETA2_EXACTDEVICEREQUEST: Message = Message(&[
    Field(1, "deviceClassName", Always, One, String),
    Field(2, "selectors", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICESELECTOR)),
    Field(3, "allocationMode", OmitZero, One, String),
    Field(4, "count", OmitZero, One, Int64),
    Field(5, "adminAccess", Optional, One, Bool),
    Field(6, "tolerations", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_DEVICETOLERATION)),
]);

static API_RESOURCE_V1BETA2_NETWORKDEVICEDATA: Message = Message(&[
    Field(1, "interfaceName", OmitZero, One, String),
    Field(2, "ips", OmitZero, List, String),
    Field(3, "hardwareAddress", OmitZero, One, String),
]);

static API_RESOURCE_V1BETA2_OPAQUEDEVICECONFIGURATION: Message = Message(&[
    Field(1, "driver", Always, One, String),
    Field(2, "parameters", Always, One, Json),
]);

static API_RESOURCE_V1BETA2_RESOURCECLAIM: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_RESOURCE_V1BETA2_RESOURCECLAIMSPEC)),
    Field(3, "status", Always, One, Nested(&API_RESOURCE_V1BETA2_RESOURCECLAIMSTATUS)),
]);

static API_RESOURCE_V1BETA2_RESOURCECLAIMCONSUMERREFERENCE: Message = Message(&[
    Field(1, "apiGroup", OmitZero, One, String),
    Field(3, "resource", Always, One, String),
    Field(4, "name", Always, One, String),
    Field(5, "uid", Always, One, String),
]);

static API_RESOURCE_V1BETA2_RESOURCECLAIMLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_RESOURCE_V1BETA2_RESOURCECLAIM)),
]);

static API_RESOURCE_V1BETA2_RESOURCECLAIMSPEC: Message = Message(&[
    Field(1, "devices", Always, One, Nested(&API_RESOURCE_V1BETA2_DEVICECLAIM)),
]);

static API_RESOURCE_V1BETA2_RESOURCECLAIMSTATUS: Message = Message(&[
    Field(1, "allocation", Optional, One, Nested(&API_RESOURCE_V1BETA2_ALLOCATIONRESULT)),
    Field(2, "reservedFor", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_RESOURCECLAIMCONSUMERREFERENCE)),
    Field(4, "devices", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_ALLOCATEDDEVICESTATUS)),
]);

static API_RESOURCE_V1BETA2_RESOURCECLAIMTEMPLATE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_RESOURCE_V1BETA2_RESOURCECLAIMTEMPLATESPEC)),
]);

static API_RESOURCE_V1BETA2_RESOURCECLAIMTEMPLATELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_RESOURCE_V1BETA2_RESOURCECLAIMTEMPLATE)),
]);

static API_RESOURCE_V1BETA2_RESOURCECLAIMTEMPLATESPEC: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_RESOURCE_V1BETA2_RESOURCECLAIMSPEC)),
]);

static API_RESOURCE_V1BETA2_RESOURCEPOOL: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "generation", Always, One, Int64),
    Field(3, "resourceSliceCount", Always, One, Int64),
]);

static API_RESOURCE_V1BETA2_RESOURCESLICE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_RESOURCE_V1BETA2_RESOURCESLICESPEC)),
]);

static API_RESOURCE_V1BETA2_RESOURCESLICELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_RESOURCE_V1BETA2_RESOURCESLICE)),
]);

static API_RESOURCE_V1BETA2_RESOURCESLICESPEC: Message = Message(&[
    Field(1, "driver", Always, One, String),
    Field(2, "pool", Always, One, Nested(&API_RESOURCE_V1BETA2_RESOURCEPOOL)),
    Field(3, "nodeName", Optional, One, String),
    Field(4, "nodeSelector", Optional, One, Nested(&API_CORE_V1_NODESELECTOR)),
    Field(5, "allNodes", Optional, One, Bool),
    Field(6, "devices", Always, List, Nested(&API_RESOURCE_V1BETA2_DEVICE)),
    Field(7, "perDeviceNodeSelection", Optional, One, Bool),
    Field(8, "sharedCounters", OmitZero, List, Nested(&API_RESOURCE_V1BETA2_COUNTERSET)),
]);

static API_SCHEDULING_V1_PRIORITYCLASS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "value", Always, One, Int32),
    Field(3, "globalDefault", OmitZero, One, Bool),
    Field(4, "description", OmitZero, One, String),
    Field(5, "preemptionPolicy", Optional, One, String),
]);

static API_SCHEDULING_V1_PRIORITYCLASSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_SCHEDULING_V1_PRIORITYCLASS)),
]);

static API_STORAGE_V1_CSIDRIVER: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_STORAGE_V1_CSIDRIVERSPEC)),
]);

static API_STORAGE_V1_CSIDRIVERLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_STORAGE_V1_CSIDRIVER)),
]);

static API_STORAGE_V1_CSIDRIVERSPEC: Message = Message(&[
    Field(1, "attachRequired", Optional, One, Bool),
    Field(2, "podInfoOnMount", Optional, One, Bool),
    Field(3, "volumeLifecycleModes", OmitZero, List, String),
    Field(4, "storageCapacity", Optional, One, Bool),
    Field(5, "fsGroupPolicy", Optional, One, String),
    Field(6, "tokenRequests", OmitZero, List, Nested(&API_STORAGE_V1_TOKENREQUEST)),
    Field(7, "requiresRepublish", Optional, One, Bool),
    Field(8, "seLinuxMount", Optional, One, Bool),
    Field(9, "nodeAllocatableUpdatePeriodSeconds", Optional, One, Int64),
]);

static API_STORAGE_V1_CSINODE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_STORAGE_V1_CSINODESPEC)),
]);

static API_STORAGE_V1_CSINODEDRIVER: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "nodeID", Always, One, String),
    Field(3, "topologyKeys", Always, List, String),
    Field(4, "allocatable", Optional, One, Nested(&API_STORAGE_V1_VOLUMENODERESOURCES)),
]);

static API_STORAGE_V1_CSINODELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_STORAGE_V1_CSINODE)),
]);

static API_STORAGE_V1_CSINODESPEC: Message = Message(&[
    Field(1, "drivers", Always, List, Nested(&API_STORAGE_V1_CSINODEDRIVER)),
]);

static API_STORAGE_V1_CSISTORAGECAPACITY: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "nodeTopology", Optional, One, Nested(&APIMACHINERY_META_V1_LABELSELECTOR)),
    Field(3, "storageClassName", Always, One, String),
    Field(4, "capacity", Optional, One, Quantity),
    Field(5, "maximumVolumeSize", Optional, One, Quantity),
]);

static API_STORAGE_V1_CSISTORAGECAPACITYLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_STORAGE_V1_CSISTORAGECAPACITY)),
]);

static API_STORAGE_V1_STORAGECLASS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "provisioner", Always, One, String),
    Field(3, "parameters", OmitZero, Map, String),
    Field(4, "reclaimPolicy", Optional, One, String),
    Field(5, "mountOptions", OmitZero, List, String),
    Field(6, "allowVolumeExpansion", Optional, One, Bool),
    Field(7, "volumeBindingMode", Optional, One, String),
    Field(8, "allowedTopologies", OmitZero, List, Nested(&API_CORE_V1_TOPOLOGYSELECTORTERM)),
]);

static API_STORAGE_V1_STORAGECLASSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_STORAGE_V1_STORAGECLASS)),
]);

static API_STORAGE_V1_TOKENREQUEST: Message = Message(&[
    Field(1, "audience", Always, One, String),
    Field(2, "expirationSeconds", Optional, One, Int64),
]);

static API_STORAGE_V1_VOLUMEATTACHMENT: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&API_STORAGE_V1_VOLUMEATTACHMENTSPEC)),
    Field(3, "status", Always, One, Nested(&API_STORAGE_V1_VOLUMEATTACHMENTSTATUS)),
]);

static API_STORAGE_V1_VOLUMEATTACHMENTLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_STORAGE_V1_VOLUMEATTACHMENT)),
]);

static API_STORAGE_V1_VOLUMEATTACHMENTSOURCE: Message = Message(&[
    Field(1, "persistentVolumeName", Optional, One, String),
    Field(2, "inlineVolumeSpec", Optional, One, Nested(&API_CORE_V1_PERSISTENTVOLUMESPEC)),
]);

static API_STORAGE_V1_VOLUMEATTACHMENTSPEC: Message = Message(&[
    Field(1, "attacher", Always, One, String),
    Field(2, "source", Always, One, Nested(&API_STORAGE_V1_VOLUMEATTACHMENTSOURCE)),
    Field(3, "nodeName", Always, One, String),
]);

static API_STORAGE_V1_VOLUMEATTACHMENTSTATUS: Message = Message(&[
    Field(1, "attached", Always, One, Bool),
    Field(2, "attachmentMetadata", OmitZero, Map, String),
    Field(3, "attachError", Optional, One, Nested(&API_STORAGE_V1_VOLUMEERROR)),
    Field(4, "detachError", Optional, One, Nested(&API_STORAGE_V1_VOLUMEERROR)),
]);

static API_STORAGE_V1_VOLUMEERROR: Message = Message(&[
    Field(1, "time", Always, One, Time),
    Field(2, "message", OmitZero, One, String),
    Field(3, "errorCode", Optional, One, Int32),
]);

static API_STORAGE_V1_VOLUMENODERESOURCES: Message = Message(&[
    Field(1, "count", Optional, One, Int32),
]);

static API_STORAGE_V1BETA1_VOLUMEATTRIBUTESCLASS: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "driverName", Always, One, String),
    Field(3, "parameters", OmitZero, Map, String),
]);

static API_STORAGE_V1BETA1_VOLUMEATTRIBUTESCLASSLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&API_STORAGE_V1BETA1_VOLUMEATTRIBUTESCLASS)),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCECOLUMNDEFINITION: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "type", Always, One, String),
    Field(3, "format", OmitZero, One, String),
    Field(4, "description", OmitZero, One, String),
    Field(5, "priority", OmitZero, One, Int32),
    Field(6, "jsonPath", Always, One, String),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCECONVERSION: Message = Message(&[
    Field(1, "strategy", Always, One, String),
    Field(2, "webhook", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_WEBHOOKCONVERSION)),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITION: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONSPEC)),
    Field(3, "status", Always, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONSTATUS)),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONCONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONLIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITION)),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONNAMES: Message = Message(&[
    Field(1, "plural", Always, One, String),
    Field(2, "singular", OmitZero, One, String),
    Field(3, "shortNames", OmitZero, List, String),
    Field(4, "kind", Always, One, String),
    Field(5, "listKind", OmitZero, One, String),
    Field(6, "categories", OmitZero, List, String),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONSPEC: Message = Message(&[
    Field(1, "group", Always, One, String),
    Field(3, "names", Always, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONNAMES)),
    Field(4, "scope", Always, One, String),
    Field(7, "versions", Always, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONVERSION)),
    Field(9, "conversion", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCECONVERSION)),
    Field(10, "preserveUnknownFields", OmitZero, One, Bool),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONSTATUS: Message = Message(&[
    Field(1, "conditions", Always, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONCONDITION)),
    Field(2, "acceptedNames", Always, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONNAMES)),
    Field(3, "storedVersions", Always, List, String),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEDEFINITIONVERSION: Message = Message(&[
    Field(1, "name", Always, One, String),
    Field(2, "served", Always, One, Bool),
    Field(3, "storage", Always, One, Bool),
    Field(4, "schema", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEVALIDATION)),
    Field(5, "subresources", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCESUBRESOURCES)),
    Field(6, "additionalPrinterColumns", OmitZero, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCECOLUMNDEFINITION)),
    Field(7, "deprecated", OmitZero, One, Bool),
    Field(8, "deprecationWarning", Optional, One, String),
    Field(9, "selectableFields", OmitZero, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_SELECTABLEFIELD)),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCESUBRESOURCES: Message = Message(&[
    Field(1, "status", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCESUBRESOURCESTATUS)),
    Field(2, "scale", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCESUBRESOURCESCALE)),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCESUBRESOURCESCALE: Message = Message(&[
    Field(1, "specReplicasPath", Always, One, String),
    Field(2, "statusReplicasPath", Always, One, String),
    Field(3, "labelSelectorPath", Optional, One, String),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCESUBRESOURCESTATUS: Message = Message(&[
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_CUSTOMRESOURCEVALIDATION: Message = Message(&[
    Field(1, "openAPIV3Schema", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_EXTERNALDOCUMENTATION: Message = Message(&[
    Field(1, "description", OmitZero, One, String),
    Field(2, "url", OmitZero, One, String),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS: Message = Message(&[
    Field(1, "id", OmitZero, One, String),
    Field(2, "$schema", OmitZero, One, String),
    Field(3, "$ref", Optional, One, String),
    Field(4, "description", OmitZero, One, String),
    Field(5, "type", OmitZero, One, String),
    Field(6, "format", OmitZero, One, String),
    Field(7, "title", OmitZero, One, String),
    Field(8, "default", Optional, One, Json),
    Field(9, "maximum", Optional, One, Double),
    Field(10, "exclusiveMaximum", OmitZero, One, Bool),
    Field(11, "minimum", Optional, One, Double),
    Field(12, "exclusiveMinimum", OmitZero, One, Bool),
    Field(13, "maxLength", Optional, One, Int64),
    Field(14, "minLength", Optional, One, Int64),
    Field(15, "pattern", OmitZero, One, String),
    Field(16, "maxItems", Optional, One, Int64),
    Field(17, "minItems", Optional, One, Int64),
    Field(18, "uniqueItems", OmitZero, One, Bool),
    Field(19, "multipleOf", Optional, One, Double),
    Field(20, "enum", OmitZero, List, Json),
    Field(21, "maxProperties", Optional, One, Int64),
    Field(22, "minProperties", Optional, One, Int64),
    Field(23, "required", OmitZero, List, String),
    Field(24, "items", Optional, One, SchemaOrList(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(25, "allOf", OmitZero, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(26, "oneOf", OmitZero, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(27, "anyOf", OmitZero, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(28, "not", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(29, "properties", OmitZero, Map, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(30, "additionalProperties", Optional, One, SchemaOrBool(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(31, "patternProperties", OmitZero, Map, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(32, "dependencies", OmitZero, Map, SchemaOrStrings(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(33, "additionalItems", Optional, One, SchemaOrBool(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(34, "definitions", OmitZero, Map, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_JSONSCHEMAPROPS)),
    Field(35, "externalDocs", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_EXTERNALDOCUMENTATION)),
    Field(36, "example", Optional, One, Json),
    Field(37, "nullable", OmitZero, One, Bool),
    Field(38, "x-kubernetes-preserve-unknown-fields", Optional, One, Bool),
    Field(39, "x-kubernetes-embedded-resource", OmitZero, One, Bool),
    Field(40, "x-kubernetes-int-or-string", OmitZero, One, Bool),
    Field(41, "x-kubernetes-list-map-keys", OmitZero, List, String),
    Field(42, "x-kubernetes-list-type", Optional, One, String),
    Field(43, "x-kubernetes-map-type", Optional, One, String),
    Field(44, "x-kubernetes-validations", OmitZero, List, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_VALIDATIONRULE)),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_SELECTABLEFIELD: Message = Message(&[
    Field(1, "jsonPath", Always, One, String),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_SERVICEREFERENCE: Message = Message(&[
    Field(1, "namespace", Always, One, String),
    Field(2, "name", Always, One, String),
    Field(3, "path", Optional, One, String),
    Field(4, "port", Optional, One, Int32),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_VALIDATIONRULE: Message = Message(&[
    Field(1, "rule", Always, One, String),
    Field(2, "message", OmitZero, One, String),
    Field(3, "messageExpression", OmitZero, One, String),
    Field(4, "reason", Optional, One, String),
    Field(5, "fieldPath", OmitZero, One, String),
    Field(6, "optionalOldSelf", Optional, One, Bool),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_WEBHOOKCLIENTCONFIG: Message = Message(&[
    Field(1, "service", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_SERVICEREFERENCE)),
    Field(2, "caBundle", OmitZero, One, Bytes),
    Field(3, "url", Optional, One, String),
]);

static APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_WEBHOOKCONVERSION: Message = Message(&[
    Field(2, "clientConfig", Optional, One, Nested(&APIEXTENSIONS_APISERVER_APIEXTENSIONS_V1_WEBHOOKCLIENTCONFIG)),
    Field(3, "conversionReviewVersions", Always, List, String),
]);

static APIMACHINERY_META_V1_CONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "observedGeneration", OmitZero, One, Int64),
    Field(4, "lastTransitionTime", Always, One, Time),
    Field(5, "reason", Always, One, String),
    Field(6, "message", Always, One, String),
]);

static APIMACHINERY_META_V1_CREATEOPTIONS: Message = Message(&[
    Field(1, "dryRun", OmitZero, List, String),
    Field(3, "fieldManager", OmitZero, One, String),
    Field(4, "fieldValidation", OmitZero, One, String),
]);

static APIMACHINERY_META_V1_DELETEOPTIONS: Message = Message(&[
    Field(1, "gracePeriodSeconds", Optional, One, Int64),
    Field(2, "preconditions", Optional, One, Nested(&APIMACHINERY_META_V1_PRECONDITIONS)),
    Field(3, "orphanDependents", Optional, One, Bool),
    Field(4, "propagationPolicy", Optional, One, String),
    Field(5, "dryRun", OmitZero, List, String),
    Field(6, "ignoreStoreReadErrorWithClusterBreakingPotential", Optional, One, Bool),
]);

static APIMACHINERY_META_V1_FIELDSELECTORREQUIREMENT: Message = Message(&[
    Field(1, "key", Always, One, String),
    Field(2, "operator", Always, One, String),
    Field(3, "values", OmitZero, List, String),
]);

static APIMACHINERY_META_V1_GETOPTIONS: Message = Message(&[
    Field(1, "resourceVersion", OmitZero, One, String),
]);

static APIMACHINERY_META_V1_LABELSELECTOR: Message = Message(&[
    Field(1, "matchLabels", OmitZero, Map, String),
    Field(2, "matchExpressions", OmitZero, List, Nested(&APIMACHINERY_META_V1_LABELSELECTORREQUIREMENT)),
]);

static APIMACHINERY_META_V1_LABELSELECTORREQUIREMENT: Message = Message(&[
    Field(1, "key", Always, One, String),
    Field(2, "operator", Always, One, String),
    Field(3, "values", OmitZero, List, String),
]);

static APIMACHINERY_META_V1_LISTMETA: Message = Message(&[
    Field(1, "selfLink", OmitZero, One, String),
    Field(2, "resourceVersion", OmitZero, One, String),
    Field(3, "continue", OmitZero, One, String),
    Field(4, "remainingItemCount", Optional, One, Int64),
]);

static APIMACHINERY_META_V1_LISTOPTIONS: Message = Message(&[
    Field(1, "labelSelector", OmitZero, One, String),
    Field(2, "fieldSelector", OmitZero, One, String),
    Field(3, "watch", OmitZero, One, Bool),
    Field(4, "resourceVersion", OmitZero, One, String),
    Field(5, "timeoutSeconds", Optional, One, Int64),
    Field(7, "limit", OmitZero, One, Int64),
    Field(8, "continue", OmitZero, One, String),
    Field(9, "allowWatchBookmarks", OmitZero, One, Bool),
    Field(10, "resourceVersionMatch", OmitZero, One, String),
    Field(11, "sendInitialEvents", Optional, One, Bool),
]);

static APIMACHINERY_META_V1_MANAGEDFIELDSENTRY: Message = Message(&[
    Field(1, "manager", OmitZero, One, String),
    Field(2, "operation", OmitZero, One, String),
    Field(3, "apiVersion", OmitZero, One, String),
    Field(4, "time", Optional, One, Time),
    Field(6, "fieldsType", OmitZero, One, String),
    Field(7, "fieldsV1", Optional, One, Json),
    Field(8, "subresource", OmitZero, One, String),
]);

static APIMACHINERY_META_V1_OBJECTMETA: Message = Message(&[
    Field(1, "name", OmitZero, One, String),
    Field(2, "generateName", OmitZero, One, String),
    Field(3, "namespace", OmitZero, One, String),
    Field(4, "selfLink", OmitZero, One, String),
    Field(5, "uid", OmitZero, One, String),
    Field(6, "resourceVersion", OmitZero, One, String),
    Field(7, "generation", OmitZero, One, Int64),
    Field(8, "creationTimestamp", Always, One, Time),
    Field(9, "deletionTimestamp", Optional, One, Time),
    Field(10, "deletionGracePeriodSeconds", Optional, One, Int64),
    Field(11, "labels", OmitZero, Map, String),
    Field(12, "annotations", OmitZero, Map, String),
    Field(13, "ownerReferences", OmitZero, List, Nested(&APIMACHINERY_META_V1_OWNERREFERENCE)),
    Field(14, "finalizers", OmitZero, List, String),
    Field(17, "managedFields", OmitZero, List, Nested(&APIMACHINERY_META_V1_MANAGEDFIELDSENTRY)),
]);

static APIMACHINERY_META_V1_OWNERREFERENCE: Message = Message(&[
    Field(1, "kind", Always, One, String),
    Field(3, "name", Always, One, String),
    Field(4, "uid", Always, One, String),
    Field(5, "apiVersion", Always, One, String),
    Field(6, "controller", Optional, One, Bool),
    Field(7, "blockOwnerDeletion", Optional, One, Bool),
]);

static APIMACHINERY_META_V1_PATCHOPTIONS: Message = Message(&[
    Field(1, "dryRun", OmitZero, List, String),
    Field(2, "force", Optional, One, Bool),
    Field(3, "fieldManager", OmitZero, One, String),
    Field(4, "fieldValidation", OmitZero, One, String),
]);

static APIMACHINERY_META_V1_PRECONDITIONS: Message = Message(&[
    Field(1, "uid", Optional, One, String),
    Field(2, "resourceVersion", Optional, One, String),
]);

static APIMACHINERY_META_V1_UPDATEOPTIONS: Message = Message(&[
    Field(1, "dryRun", OmitZero, List, String),
    Field(2, "fieldManager", OmitZero, One, String),
    Field(3, "fieldValidation", OmitZero, One, String),
]);

static KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICE: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_OBJECTMETA)),
    Field(2, "spec", Always, One, Nested(&KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICESPEC)),
    Field(3, "status", Always, One, Nested(&KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICESTATUS)),
]);

static KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICECONDITION: Message = Message(&[
    Field(1, "type", Always, One, String),
    Field(2, "status", Always, One, String),
    Field(3, "lastTransitionTime", Always, One, Time),
    Field(4, "reason", OmitZero, One, String),
    Field(5, "message", OmitZero, One, String),
]);

static KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICELIST: Message = Message(&[
    Field(1, "metadata", Always, One, Nested(&APIMACHINERY_META_V1_LISTMETA)),
    Field(2, "items", Always, List, Nested(&KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICE)),
]);

static KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICESPEC: Message = Message(&[
    Field(1, "service", Optional, One, Nested(&KUBE_AGGREGATOR_APIREGISTRATION_V1_SERVICEREFERENCE)),
    Field(2, "group", OmitZero, One, String),
    Field(3, "version", OmitZero, One, String),
    Field(4, "insecureSkipTLSVerify", OmitZero, One, Bool),
    Field(5, "caBundle", OmitZero, One, Bytes),
    Field(7, "groupPriorityMinimum", Always, One, Int32),
    Field(8, "versionPriority", Always, One, Int32),
]);

static KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICESTATUS: Message = Message(&[
    Field(1, "conditions", OmitZero, List, Nested(&KUBE_AGGREGATOR_APIREGISTRATION_V1_APISERVICECONDITION)),
]);

static KUBE_AGGREGATOR_APIREGISTRATION_V1_SERVICEREFERENCE: Message = Message(&[
    Field(1, "namespace", OmitZero, One, String),
    Field(2, "name", OmitZero, One, String),
    Field(3, "port", Optional, One, Int32),
]);

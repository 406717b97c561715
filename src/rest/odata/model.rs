//! The models of the service: one table that says which properties there are, in the order in which
//! the service prints them, what each holds, and which api-versions know it.
//!
//! Request bodies are checked by it, answers are printed by it. Where a recording shows a property's
//! place, that is its place here; the others stand where the service's own description has them.

use alloc::string::String;
use core::fmt;

use crate::{
    job::{DisableTasks, JobStateName, OnAllTasksComplete, OnTaskFailure},
    job_schedule::JobScheduleStateName,
    node::{NodeTasks, SchedulingState},
    pool::{AllocationState, NodeFillType, OsType, PoolState, VerificationType},
    rest::odata::version::ApiVersion,
    task::{DependencyAction, JobAction, TaskStateName},
};

/// One kind of JSON object.
#[derive(Debug)]
pub(crate) struct Model {
    /// The service's name for it, as refusals of a body quote it.
    pub(crate) name: &'static str,
    /// In the order in which they are printed.
    pub(crate) properties: &'static [Property],
    /// What else a request body must have.
    pub(crate) one_of: Option<OneOf>,
}

/// Of these properties a request body must have one at least.
#[derive(Debug)]
pub(crate) struct OneOf {
    /// Which.
    pub(crate) names: &'static [&'static str],
    /// What a refusal says is missing when there is none of them.
    pub(crate) called: &'static str,
}

/// A property of a [`Model`].
#[derive(Debug)]
pub(crate) struct Property {
    /// As it is written in JSON.
    pub(crate) name: Name,
    /// What it holds.
    pub(crate) kind: Kind,
    /// Whether a request body must have it.
    pub(crate) required: bool,
    /// The first api-version that knows it.
    pub(crate) since: ApiVersion,
    /// The first api-version that no longer knows it.
    pub(crate) until: Option<ApiVersion>,
}

/// What a property, or an item of a list, holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// An integer of 32 bits.
    Int32,
    /// An integer of 64 bits; `OData` 3 writes it as a text.
    Int64,
    /// A number.
    Double,
    /// An ISO 8601 duration.
    Duration,
    /// An ISO 8601 instant.
    Instant,
    /// One of these texts, compared without case and kept as it is spelled here.
    Choice(&'static [&'static str]),
    /// An object.
    Object(&'static Model),
    /// A list of items that all are of one kind.
    List(&'static Kind),
    /// Any JSON, which is not looked into.
    Raw,
}

/// The name of a property. `name!("id")` makes one, and does not compile for a name that no model has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    text: &'static str,
    /// The place of its first occurrence among all names, so that comparing names compares numbers.
    place: usize,
}

impl Name {
    /// A name that a model has. It is called while the crate is compiled only: by `name!`, and for the
    /// models.
    #[allow(clippy::panic, clippy::indexing_slicing, reason = "the compiler reports it")]
    pub(in crate::rest) const fn known(text: &'static str) -> Self {
        let mut place = 0;
        while place < NAMES.len() {
            if is_same(NAMES[place].as_bytes(), text.as_bytes()) {
                return Self { text, place };
            }
            place += 1;
        }
        panic!("no model has a property of this name")
    }

    pub(in crate::rest) fn as_str(self) -> &'static str {
        self.text
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Name {}

#[allow(clippy::indexing_slicing, reason = "the compiler reports it")]
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut place = 0;
    while place < one.len() && one[place] == other[place] {
        place += 1;
    }
    place == one.len()
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.text.into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// The [`Name`] of a property.
macro_rules! name {
    ($text:literal) => {
        // A constant of its own, so that `cargo check` evaluates it too.
        {
            const NAME: $crate::rest::odata::model::Name = $crate::rest::odata::model::Name::known($text);
            NAME
        }
    };
}
pub(in crate::rest) use name;

impl Model {
    /// The property of this name. Names are compared with case.
    pub(crate) fn property(&self, name: &str) -> Option<&'static Property> {
        self.properties.iter().find(|property| property.name.as_str() == name)
    }

    /// The property that an api-version knows by this name.
    pub(crate) fn known_property(&self, name: &str, version: ApiVersion) -> Option<&'static Property> {
        self.property(name).filter(|property| property.is_known_to(version))
    }

    /// The properties that an api-version knows, in their order.
    pub(crate) fn known_to(&self, version: ApiVersion) -> impl Iterator<Item = &'static Property> + use<> {
        self.properties.iter().filter(move |property| property.is_known_to(version))
    }
}

impl Property {
    /// Whether an api-version knows it.
    pub(crate) fn is_known_to(&self, version: ApiVersion) -> bool {
        self.since <= version && self.until.is_none_or(|until| version < until)
    }
}

/// `NAME "Name" { property: kind, ... }`, with `one_of("a" "b") as "a"` before the brace where one of
/// the properties must be there, and where a kind is
/// - the name of a simple [`Kind`] or of a constant of that type,
/// - `{MODEL}`, an object,
/// - `[kind]`, a list,
/// - `("a" "b")`, a choice,
///
/// and may be followed by `required`, by `>= V...`, the first api-version that knows the property, and
/// by `< V...`, the first that no longer does.
macro_rules! models {
    ($($model:ident $name:literal $(one_of($($choice:literal)*) as $called:literal)? {
        $($property:ident: $kind:tt $($required:ident)? $(>= $since:ident)? $(< $until:ident)?),* $(,)?
    })*) => {
        $(
            #[doc = concat!("`", $name, "`.")]
            pub(crate) static $model: Model = Model {
                name: $name,
                properties: &[$(Property {
                    name: Name::known(stringify!($property)),
                    kind: kind!($kind),
                    required: is_required!($($required)?),
                    since: since!($($since)?),
                    until: until!($($until)?),
                }),*],
                one_of: one_of!($(($($choice)*) $called)?),
            };
        )*

        /// The name of every property, with repetitions.
        const NAMES: &[&str] = &[$($(stringify!($property),)*)*];

        /// Every model.
        #[cfg(test)]
        pub(crate) static ALL: &[&Model] = &[$(&$model),*];
    };
}

macro_rules! kind {
    (Text) => { Kind::Text };
    (Boolean) => { Kind::Boolean };
    (Int32) => { Kind::Int32 };
    (Int64) => { Kind::Int64 };
    (Double) => { Kind::Double };
    (Duration) => { Kind::Duration };
    (Instant) => { Kind::Instant };
    (Raw) => { Kind::Raw };
    ({ $model:ident }) => { Kind::Object(&$model) };
    ([$item:tt]) => { Kind::List(&kind!($item)) };
    (($($choice:literal)*)) => { Kind::Choice(&[$($choice),*]) };
    ($constant:ident) => { $constant };
}

macro_rules! is_required {
    () => {
        false
    };
    (required) => {
        true
    };
}

macro_rules! one_of {
    () => {
        None
    };
    (($($choice:literal)*) $called:literal) => {
        Some(OneOf { names: &[$($choice),*], called: $called })
    };
}

macro_rules! since {
    () => {
        ApiVersion::OLDEST
    };
    ($version:ident) => {
        ApiVersion::$version
    };
}

macro_rules! until {
    () => {
        None
    };
    ($version:ident) => {
        Some(ApiVersion::$version)
    };
}

// Choices that more than one property has, or that are too long for a line of the table.
const ALLOCATION_STATE: Kind = Kind::Choice(AllocationState::NAMES);
const CACHING_TYPE: Kind = Kind::Choice(&["none", "readonly", "readwrite"]);
const COMPUTE_NODE_STATE: Kind = Kind::Choice(&[
    "idle",
    "rebooting",
    "reimaging",
    "running",
    "unusable",
    "creating",
    "starting",
    "waitingforstarttask",
    "starttaskfailed",
    "unknown",
    "leavingpool",
    "offline",
    "preempted",
    "upgradingos",
    "deallocated",
    "deallocating",
]);
const CONTAINER_HOST_DATA_PATH: Kind =
    Kind::Choice(&["Shared", "Startup", "VfsMounts", "Task", "JobPrep", "Applications"]);
const DEALLOCATION_OPTION: Kind = Kind::Choice(NodeTasks::NAMES);
const DEPENDENCY_ACTION: Kind = Kind::Choice(DependencyAction::NAMES);
const DISABLE_TASKS: Kind = Kind::Choice(DisableTasks::NAMES);
const ELEVATION_LEVEL: Kind = Kind::Choice(&["nonadmin", "admin"]);
const ERROR_CATEGORY: Kind = Kind::Choice(&["UserError", "ServerError"]);
const INBOUND_ENDPOINT_PROTOCOL: Kind = Kind::Choice(&["tcp", "udp"]);
const JOB_ACTION: Kind = Kind::Choice(JobAction::NAMES);
const JOB_SCHEDULE_STATE: Kind = Kind::Choice(JobScheduleStateName::NAMES);
const JOB_STATE: Kind = Kind::Choice(JobStateName::NAMES);
const NODE_COMMUNICATION_MODE: Kind = Kind::Choice(&["default", "classic", "simplified"]);
const NODE_FILL_TYPE: Kind = Kind::Choice(NodeFillType::NAMES);
const ONE_RUN_STATE: Kind = Kind::Choice(&["running", "completed"]);
const ON_ALL_TASKS_COMPLETE: Kind = Kind::Choice(OnAllTasksComplete::NAMES);
const ON_TASK_FAILURE: Kind = Kind::Choice(OnTaskFailure::NAMES);
const OS_TYPE: Kind = Kind::Choice(OsType::NAMES);
const POOL_STATE: Kind = Kind::Choice(PoolState::NAMES);
const SCHEDULING_STATE: Kind = Kind::Choice(SchedulingState::NAMES);
const STORAGE_ACCOUNT_TYPE: Kind = Kind::Choice(&["standard_lrs", "premium_lrs", "standardssd_lrs"]);
const SUBTASK_STATE: Kind = Kind::Choice(&["preparing", "running", "completed"]);
const TASK_EXECUTION_RESULT: Kind = Kind::Choice(&["success", "failure"]);
const TASK_STATE: Kind = Kind::Choice(TaskStateName::NAMES);
const VERIFICATION_TYPE: Kind = Kind::Choice(VerificationType::NAMES);

models! {
    // What clients send, each with the models that it is the first to reach.

    JOB_ADD_PARAMETER "JobAddParameter" {
        id: Text required,
        displayName: Text,
        priority: Int32,
        maxParallelTasks: Int32 >= V2021_06,
        allowTaskPreemption: Boolean >= V2022_01,
        constraints: {JOB_CONSTRAINTS},
        jobManagerTask: {JOB_MANAGER_TASK},
        jobPreparationTask: {JOB_PREPARATION_TASK},
        jobReleaseTask: {JOB_RELEASE_TASK},
        commonEnvironmentSettings: [{ENVIRONMENT_SETTING}],
        poolInfo: {POOL_INFORMATION} required,
        onAllTasksComplete: ON_ALL_TASKS_COMPLETE,
        onTaskFailure: ON_TASK_FAILURE,
        metadata: [{METADATA_ITEM}],
        usesTaskDependencies: Boolean,
        networkConfiguration: {JOB_NETWORK_CONFIGURATION},
    }
    JOB_CONSTRAINTS "JobConstraints" { maxWallClockTime: Duration, maxTaskRetryCount: Int32 }
    JOB_MANAGER_TASK "JobManagerTask" {
        id: Text required,
        displayName: Text,
        commandLine: Text required,
        containerSettings: {TASK_CONTAINER_SETTINGS},
        resourceFiles: [{RESOURCE_FILE}],
        outputFiles: [{OUTPUT_FILE}],
        environmentSettings: [{ENVIRONMENT_SETTING}],
        constraints: {TASK_CONSTRAINTS},
        requiredSlots: Int32 >= V2020_09,
        userIdentity: {USER_IDENTITY},
        runExclusive: Boolean,
        applicationPackageReferences: [{APPLICATION_PACKAGE_REFERENCE}],
        authenticationTokenSettings: {AUTHENTICATION_TOKEN_SETTINGS},
        allowLowPriorityNode: Boolean,
        killJobOnCompletion: Boolean,
    }
    TASK_CONTAINER_SETTINGS "TaskContainerSettings" {
        containerRunOptions: Text,
        imageName: Text required,
        registry: {CONTAINER_REGISTRY},
        workingDirectory: ("taskWorkingDirectory" "containerImageDefault"),
        containerHostBatchBindMounts: [{CONTAINER_HOST_BATCH_BIND_MOUNT_ENTRY}] >= V2024_07,
    }
    CONTAINER_REGISTRY "ContainerRegistry" {
        username: Text,
        password: Text,
        registryServer: Text,
        identityReference: {COMPUTE_NODE_IDENTITY_REFERENCE},
    }
    COMPUTE_NODE_IDENTITY_REFERENCE "ComputeNodeIdentityReference" { resourceId: Text }
    CONTAINER_HOST_BATCH_BIND_MOUNT_ENTRY "ContainerHostBatchBindMountEntry" {
        source: CONTAINER_HOST_DATA_PATH,
        isReadOnly: Boolean,
    }
    RESOURCE_FILE "ResourceFile" {
        autoStorageContainerName: Text >= V2018_12,
        storageContainerUrl: Text >= V2018_12,
        blobSource: Text < V2018_12,
        httpUrl: Text >= V2018_12,
        blobPrefix: Text >= V2018_12,
        filePath: Text,
        fileMode: Text,
        identityReference: {COMPUTE_NODE_IDENTITY_REFERENCE},
    }
    OUTPUT_FILE "OutputFile" {
        filePattern: Text required,
        destination: {OUTPUT_FILE_DESTINATION} required,
        uploadOptions: {OUTPUT_FILE_UPLOAD_OPTIONS} required,
    }
    OUTPUT_FILE_DESTINATION "OutputFileDestination" {
        container: {OUTPUT_FILE_BLOB_CONTAINER_DESTINATION},
    }
    OUTPUT_FILE_BLOB_CONTAINER_DESTINATION "OutputFileBlobContainerDestination" {
        path: Text,
        containerUrl: Text required,
        identityReference: {COMPUTE_NODE_IDENTITY_REFERENCE},
        uploadHeaders: [{HTTP_HEADER}],
    }
    HTTP_HEADER "HttpHeader" { name: Text required, value: Text }
    OUTPUT_FILE_UPLOAD_OPTIONS "OutputFileUploadOptions" {
        uploadCondition: ("tasksuccess" "taskfailure" "taskcompletion") required,
    }
    ENVIRONMENT_SETTING "EnvironmentSetting" { name: Text required, value: Text }
    TASK_CONSTRAINTS "TaskConstraints" {
        maxWallClockTime: Duration,
        retentionTime: Duration,
        maxTaskRetryCount: Int32,
    }
    USER_IDENTITY "UserIdentity" { username: Text, autoUser: {AUTO_USER_SPECIFICATION} }
    AUTO_USER_SPECIFICATION "AutoUserSpecification" {
        scope: ("task" "pool"),
        elevationLevel: ELEVATION_LEVEL,
    }
    APPLICATION_PACKAGE_REFERENCE "ApplicationPackageReference" {
        applicationId: Text required,
        version: Text,
    }
    AUTHENTICATION_TOKEN_SETTINGS "AuthenticationTokenSettings" { access: [("job")] }
    JOB_PREPARATION_TASK "JobPreparationTask" {
        id: Text,
        commandLine: Text required,
        containerSettings: {TASK_CONTAINER_SETTINGS},
        resourceFiles: [{RESOURCE_FILE}],
        environmentSettings: [{ENVIRONMENT_SETTING}],
        constraints: {TASK_CONSTRAINTS},
        userIdentity: {USER_IDENTITY},
        waitForSuccess: Boolean,
        rerunOnNodeRebootAfterSuccess: Boolean,
    }
    JOB_RELEASE_TASK "JobReleaseTask" {
        id: Text,
        commandLine: Text required,
        containerSettings: {TASK_CONTAINER_SETTINGS},
        resourceFiles: [{RESOURCE_FILE}],
        environmentSettings: [{ENVIRONMENT_SETTING}],
        maxWallClockTime: Duration,
        retentionTime: Duration,
        userIdentity: {USER_IDENTITY},
    }
    POOL_INFORMATION "PoolInformation" one_of("poolId" "autoPoolSpecification") as "poolId" {
        poolId: Text,
        autoPoolSpecification: {AUTO_POOL_SPECIFICATION},
    }
    AUTO_POOL_SPECIFICATION "AutoPoolSpecification" {
        autoPoolIdPrefix: Text,
        poolLifetimeOption: ("jobschedule" "job") required,
        keepAlive: Boolean,
        pool: {POOL_SPECIFICATION},
    }
    POOL_SPECIFICATION "PoolSpecification" {
        displayName: Text,
        vmSize: Text required,
        cloudServiceConfiguration: {CLOUD_SERVICE_CONFIGURATION} < V2024_07,
        virtualMachineConfiguration: {VIRTUAL_MACHINE_CONFIGURATION},
        maxTasksPerNode: Int32 < V2020_09,
        taskSlotsPerNode: Int32 >= V2020_09,
        taskSchedulingPolicy: {TASK_SCHEDULING_POLICY},
        resizeTimeout: Duration,
        targetDedicatedNodes: Int32,
        targetLowPriorityNodes: Int32,
        enableAutoScale: Boolean,
        autoScaleFormula: Text,
        autoScaleEvaluationInterval: Duration,
        enableInterNodeCommunication: Boolean,
        networkConfiguration: {NETWORK_CONFIGURATION},
        startTask: {START_TASK},
        certificateReferences: [{CERTIFICATE_REFERENCE}],
        applicationPackageReferences: [{APPLICATION_PACKAGE_REFERENCE}],
        applicationLicenses: [Text] < V2024_07,
        userAccounts: [{USER_ACCOUNT}],
        metadata: [{METADATA_ITEM}],
        mountConfiguration: [{MOUNT_CONFIGURATION}],
        targetNodeCommunicationMode: NODE_COMMUNICATION_MODE,
        upgradePolicy: {UPGRADE_POLICY} >= V2024_02,
        resourceTags: Raw >= V2023_11,
    }
    CLOUD_SERVICE_CONFIGURATION "CloudServiceConfiguration" {
        osFamily: Text required,
        osVersion: Text,
    }
    VIRTUAL_MACHINE_CONFIGURATION "VirtualMachineConfiguration" {
        imageReference: {IMAGE_REFERENCE} required,
        nodeAgentSKUId: Text required,
        windowsConfiguration: {WINDOWS_CONFIGURATION},
        dataDisks: [{DATA_DISK}],
        licenseType: Text,
        containerConfiguration: {CONTAINER_CONFIGURATION},
        diskEncryptionConfiguration: {DISK_ENCRYPTION_CONFIGURATION},
        nodePlacementConfiguration: {NODE_PLACEMENT_CONFIGURATION},
        extensions: [{VM_EXTENSION}],
        osDisk: {OS_DISK},
        securityProfile: {SECURITY_PROFILE} >= V2023_11,
        serviceArtifactReference: {SERVICE_ARTIFACT_REFERENCE} >= V2023_11,
    }
    IMAGE_REFERENCE "ImageReference" {
        publisher: Text,
        offer: Text,
        sku: Text,
        version: Text,
        virtualMachineImageId: Text,
        exactVersion: Text,
        sharedGalleryImageId: Text >= V2024_07,
        communityGalleryImageId: Text >= V2024_07,
    }
    WINDOWS_CONFIGURATION "WindowsConfiguration" { enableAutomaticUpdates: Boolean }
    DATA_DISK "DataDisk" {
        lun: Int32 required,
        caching: CACHING_TYPE,
        diskSizeGB: Int32 required,
        storageAccountType: STORAGE_ACCOUNT_TYPE,
        managedDisk: {MANAGED_DISK} >= V2025_06,
    }
    CONTAINER_CONFIGURATION "ContainerConfiguration" {
        type: ("dockerCompatible" "criCompatible") required,
        containerImageNames: [Text],
        containerRegistries: [{CONTAINER_REGISTRY}],
    }
    DISK_ENCRYPTION_CONFIGURATION "DiskEncryptionConfiguration" {
        customerManagedKey: {DISK_CUSTOMER_MANAGED_KEY} >= V2025_06,
        targets: [("osdisk" "temporarydisk")],
    }
    DISK_CUSTOMER_MANAGED_KEY "DiskCustomerManagedKey" {
        identityReference: {BATCH_POOL_IDENTITY_REFERENCE},
        keyUrl: Text,
        rotationToLatestKeyVersionEnabled: Boolean,
    }
    BATCH_POOL_IDENTITY_REFERENCE "BatchPoolIdentityReference" { resourceId: Text }
    NODE_PLACEMENT_CONFIGURATION "NodePlacementConfiguration" { policy: ("Regional" "Zonal") }
    VM_EXTENSION "VMExtension" {
        name: Text required,
        publisher: Text required,
        type: Text required,
        typeHandlerVersion: Text,
        autoUpgradeMinorVersion: Boolean,
        enableAutomaticUpgrade: Boolean >= V2023_05,
        settings: Raw,
        protectedSettings: Raw,
        provisionAfterExtensions: [Text],
    }
    OS_DISK "OSDisk" {
        ephemeralOSDiskSettings: {DIFF_DISK_SETTINGS},
        caching: CACHING_TYPE >= V2023_11,
        managedDisk: {MANAGED_DISK} >= V2023_11,
        diskSizeGB: Int32 >= V2023_11,
        writeAcceleratorEnabled: Boolean >= V2023_11,
    }
    DIFF_DISK_SETTINGS "DiffDiskSettings" { placement: ("CacheDisk") }
    MANAGED_DISK "ManagedDisk" {
        diskEncryptionSet: {DISK_ENCRYPTION_SET_PARAMETERS} >= V2025_06,
        storageAccountType: STORAGE_ACCOUNT_TYPE,
        securityProfile: {VM_DISK_SECURITY_PROFILE} >= V2024_07,
    }
    DISK_ENCRYPTION_SET_PARAMETERS "DiskEncryptionSetParameters" { id: Text }
    VM_DISK_SECURITY_PROFILE "VMDiskSecurityProfile" {
        securityEncryptionType: ("DiskWithVMGuestState" "NonPersistedTPM" "VMGuestStateOnly"),
    }
    SECURITY_PROFILE "SecurityProfile" {
        securityType: ("trustedLaunch" "confidentialVM"),
        encryptionAtHost: Boolean,
        proxyAgentSettings: {PROXY_AGENT_SETTINGS} >= V2025_06,
        uefiSettings: {UEFI_SETTINGS},
    }
    PROXY_AGENT_SETTINGS "ProxyAgentSettings" {
        enabled: Boolean,
        imds: {HOST_ENDPOINT_SETTINGS},
        wireServer: {HOST_ENDPOINT_SETTINGS},
    }
    HOST_ENDPOINT_SETTINGS "HostEndpointSettings" {
        inVMAccessControlProfileReferenceId: Text,
        mode: ("Audit" "Enforce"),
    }
    UEFI_SETTINGS "UefiSettings" { secureBootEnabled: Boolean, vTpmEnabled: Boolean }
    SERVICE_ARTIFACT_REFERENCE "ServiceArtifactReference" { id: Text required }
    TASK_SCHEDULING_POLICY "TaskSchedulingPolicy" {
        jobDefaultOrder: ("none" "creationtime") >= V2025_06,
        nodeFillType: NODE_FILL_TYPE required,
    }
    NETWORK_CONFIGURATION "NetworkConfiguration" {
        subnetId: Text,
        dynamicVNetAssignmentScope: ("none" "job"),
        endpointConfiguration: {POOL_ENDPOINT_CONFIGURATION},
        publicIPAddressConfiguration: {PUBLIC_IP_ADDRESS_CONFIGURATION},
        enableAcceleratedNetworking: Boolean >= V2023_05,
    }
    POOL_ENDPOINT_CONFIGURATION "PoolEndpointConfiguration" {
        inboundNATPools: [{INBOUND_NAT_POOL}] required,
    }
    INBOUND_NAT_POOL "InboundNATPool" {
        name: Text required,
        protocol: INBOUND_ENDPOINT_PROTOCOL required,
        backendPort: Int32 required,
        frontendPortRangeStart: Int32 required,
        frontendPortRangeEnd: Int32 required,
        networkSecurityGroupRules: [{NETWORK_SECURITY_GROUP_RULE}],
    }
    NETWORK_SECURITY_GROUP_RULE "NetworkSecurityGroupRule" {
        priority: Int32 required,
        access: ("allow" "deny") required,
        sourceAddressPrefix: Text required,
        sourcePortRanges: [Text],
    }
    PUBLIC_IP_ADDRESS_CONFIGURATION "PublicIPAddressConfiguration" {
        provision: ("batchmanaged" "usermanaged" "nopublicipaddresses"),
        ipFamilies: [("IPv4" "IPv6")] >= V2025_06,
        ipAddressIds: [Text],
        ipTags: [{IP_TAG}] >= V2025_06,
    }
    IP_TAG "IPTag" { ipTagType: Text, tag: Text }
    START_TASK "StartTask" {
        commandLine: Text required,
        containerSettings: {TASK_CONTAINER_SETTINGS},
        resourceFiles: [{RESOURCE_FILE}],
        environmentSettings: [{ENVIRONMENT_SETTING}],
        userIdentity: {USER_IDENTITY},
        maxTaskRetryCount: Int32,
        waitForSuccess: Boolean,
    }
    CERTIFICATE_REFERENCE "CertificateReference" {
        thumbprint: Text required,
        thumbprintAlgorithm: Text required,
        storeLocation: ("currentuser" "localmachine"),
        storeName: Text,
        visibility: [("starttask" "task" "remoteuser")],
    }
    USER_ACCOUNT "UserAccount" {
        name: Text required,
        password: Text required,
        elevationLevel: ELEVATION_LEVEL,
        linuxUserConfiguration: {LINUX_USER_CONFIGURATION},
        windowsUserConfiguration: {WINDOWS_USER_CONFIGURATION},
    }
    LINUX_USER_CONFIGURATION "LinuxUserConfiguration" {
        uid: Int32,
        gid: Int32,
        sshPrivateKey: Text,
    }
    WINDOWS_USER_CONFIGURATION "WindowsUserConfiguration" { loginMode: ("batch" "interactive") }
    METADATA_ITEM "MetadataItem" { name: Text required, value: Text required }
    MOUNT_CONFIGURATION "MountConfiguration" {
        azureBlobFileSystemConfiguration: {AZURE_BLOB_FILE_SYSTEM_CONFIGURATION},
        nfsMountConfiguration: {NFS_MOUNT_CONFIGURATION},
        cifsMountConfiguration: {CIFS_MOUNT_CONFIGURATION},
        azureFileShareConfiguration: {AZURE_FILE_SHARE_CONFIGURATION},
    }
    AZURE_BLOB_FILE_SYSTEM_CONFIGURATION "AzureBlobFileSystemConfiguration" {
        accountName: Text required,
        containerName: Text required,
        accountKey: Text,
        sasKey: Text,
        blobfuseOptions: Text,
        relativeMountPath: Text required,
        identityReference: {COMPUTE_NODE_IDENTITY_REFERENCE},
    }
    NFS_MOUNT_CONFIGURATION "NFSMountConfiguration" {
        source: Text required,
        relativeMountPath: Text required,
        mountOptions: Text,
    }
    CIFS_MOUNT_CONFIGURATION "CIFSMountConfiguration" {
        username: Text required,
        source: Text required,
        relativeMountPath: Text required,
        mountOptions: Text,
        password: Text required,
    }
    AZURE_FILE_SHARE_CONFIGURATION "AzureFileShareConfiguration" {
        accountName: Text required,
        azureFileUrl: Text required,
        accountKey: Text required,
        relativeMountPath: Text required,
        mountOptions: Text,
    }
    UPGRADE_POLICY "UpgradePolicy" {
        mode: ("automatic" "manual" "rolling") required,
        automaticOSUpgradePolicy: {AUTOMATIC_OS_UPGRADE_POLICY},
        rollingUpgradePolicy: {ROLLING_UPGRADE_POLICY},
    }
    AUTOMATIC_OS_UPGRADE_POLICY "AutomaticOsUpgradePolicy" {
        disableAutomaticRollback: Boolean,
        enableAutomaticOSUpgrade: Boolean,
        useRollingUpgradePolicy: Boolean,
        osRollingUpgradeDeferral: Boolean,
    }
    ROLLING_UPGRADE_POLICY "RollingUpgradePolicy" {
        enableCrossZoneUpgrade: Boolean,
        maxBatchInstancePercent: Int32,
        maxUnhealthyInstancePercent: Int32,
        maxUnhealthyUpgradedInstancePercent: Int32,
        pauseTimeBetweenBatches: Text,
        prioritizeUnhealthyInstances: Boolean,
        rollbackFailedInstancesOnPolicyBreach: Boolean,
    }
    JOB_NETWORK_CONFIGURATION "JobNetworkConfiguration" {
        subnetId: Text required,
        skipWithdrawFromVNet: Boolean >= V2024_07,
    }

    JOB_UPDATE_PARAMETER "JobUpdateParameter" {
        priority: Int32,
        maxParallelTasks: Int32 >= V2021_06,
        allowTaskPreemption: Boolean >= V2022_01,
        constraints: {JOB_CONSTRAINTS},
        poolInfo: {POOL_INFORMATION} required,
        metadata: [{METADATA_ITEM}],
        onAllTasksComplete: ON_ALL_TASKS_COMPLETE,
    }

    JOB_PATCH_PARAMETER "JobPatchParameter" {
        priority: Int32,
        maxParallelTasks: Int32 >= V2021_06,
        allowTaskPreemption: Boolean >= V2022_01,
        onAllTasksComplete: ON_ALL_TASKS_COMPLETE,
        constraints: {JOB_CONSTRAINTS},
        poolInfo: {POOL_INFORMATION},
        networkConfiguration: {JOB_NETWORK_CONFIGURATION} >= V2024_07,
        metadata: [{METADATA_ITEM}],
    }

    JOB_TERMINATE_PARAMETER "JobTerminateParameter" { terminateReason: Text }

    JOB_DISABLE_PARAMETER "JobDisableParameter" {
        disableTasks: DISABLE_TASKS required,
    }

    JOB_SCHEDULE_ADD_PARAMETER "JobScheduleAddParameter" {
        id: Text required,
        displayName: Text,
        schedule: {SCHEDULE} required,
        jobSpecification: {JOB_SPECIFICATION} required,
        metadata: [{METADATA_ITEM}],
    }
    SCHEDULE "Schedule" {
        doNotRunUntil: Instant,
        doNotRunAfter: Instant,
        startWindow: Duration,
        recurrenceInterval: Duration,
    }
    JOB_SPECIFICATION "JobSpecification" {
        priority: Int32,
        maxParallelTasks: Int32 >= V2021_06,
        allowTaskPreemption: Boolean >= V2022_01,
        displayName: Text,
        usesTaskDependencies: Boolean,
        onAllTasksComplete: ON_ALL_TASKS_COMPLETE,
        onTaskFailure: ON_TASK_FAILURE,
        networkConfiguration: {JOB_NETWORK_CONFIGURATION},
        constraints: {JOB_CONSTRAINTS},
        jobManagerTask: {JOB_MANAGER_TASK},
        jobPreparationTask: {JOB_PREPARATION_TASK},
        jobReleaseTask: {JOB_RELEASE_TASK},
        commonEnvironmentSettings: [{ENVIRONMENT_SETTING}],
        poolInfo: {POOL_INFORMATION} required,
        metadata: [{METADATA_ITEM}],
    }

    JOB_SCHEDULE_UPDATE_PARAMETER "JobScheduleUpdateParameter" {
        schedule: {SCHEDULE} required,
        jobSpecification: {JOB_SPECIFICATION} required,
        metadata: [{METADATA_ITEM}],
    }

    JOB_SCHEDULE_PATCH_PARAMETER "JobSchedulePatchParameter" {
        schedule: {SCHEDULE},
        jobSpecification: {JOB_SPECIFICATION},
        metadata: [{METADATA_ITEM}],
    }

    TASK_ADD_PARAMETER "TaskAddParameter" {
        id: Text required,
        displayName: Text,
        commandLine: Text required,
        containerSettings: {TASK_CONTAINER_SETTINGS},
        exitConditions: {EXIT_CONDITIONS},
        resourceFiles: [{RESOURCE_FILE}],
        outputFiles: [{OUTPUT_FILE}],
        environmentSettings: [{ENVIRONMENT_SETTING}],
        affinityInfo: {AFFINITY_INFORMATION},
        constraints: {TASK_CONSTRAINTS},
        requiredSlots: Int32 >= V2020_09,
        userIdentity: {USER_IDENTITY},
        multiInstanceSettings: {MULTI_INSTANCE_SETTINGS},
        dependsOn: {TASK_DEPENDENCIES},
        applicationPackageReferences: [{APPLICATION_PACKAGE_REFERENCE}],
        authenticationTokenSettings: {AUTHENTICATION_TOKEN_SETTINGS},
    }
    EXIT_CONDITIONS "ExitConditions" {
        exitCodes: [{EXIT_CODE_MAPPING}],
        exitCodeRanges: [{EXIT_CODE_RANGE_MAPPING}],
        preProcessingError: {EXIT_OPTIONS},
        fileUploadError: {EXIT_OPTIONS},
        default: {EXIT_OPTIONS},
    }
    EXIT_CODE_MAPPING "ExitCodeMapping" {
        code: Int32 required,
        exitOptions: {EXIT_OPTIONS} required,
    }
    EXIT_OPTIONS "ExitOptions" {
        jobAction: JOB_ACTION,
        dependencyAction: DEPENDENCY_ACTION,
    }
    EXIT_CODE_RANGE_MAPPING "ExitCodeRangeMapping" {
        start: Int32 required,
        end: Int32 required,
        exitOptions: {EXIT_OPTIONS} required,
    }
    AFFINITY_INFORMATION "AffinityInformation" { affinityId: Text required }
    MULTI_INSTANCE_SETTINGS "MultiInstanceSettings" {
        numberOfInstances: Int32,
        coordinationCommandLine: Text required,
        commonResourceFiles: [{RESOURCE_FILE}],
    }
    TASK_DEPENDENCIES "TaskDependencies" { taskIds: [Text], taskIdRanges: [{TASK_ID_RANGE}] }
    TASK_ID_RANGE "TaskIdRange" { start: Int32 required, end: Int32 required }

    // Its items are TaskAddParameters. Each has a refusal of its own, so the caller checks them one by one.
    TASK_ADD_COLLECTION_PARAMETER "TaskAddCollectionParameter" { value: [Raw] required }

    TASK_UPDATE_PARAMETER "TaskUpdateParameter" { constraints: {TASK_CONSTRAINTS} }

    POOL_ADD_PARAMETER "PoolAddParameter" {
        id: Text required,
        displayName: Text,
        vmSize: Text required,
        cloudServiceConfiguration: {CLOUD_SERVICE_CONFIGURATION} < V2024_07,
        virtualMachineConfiguration: {VIRTUAL_MACHINE_CONFIGURATION},
        resizeTimeout: Duration,
        targetDedicatedNodes: Int32,
        targetLowPriorityNodes: Int32,
        enableAutoScale: Boolean,
        autoScaleFormula: Text,
        autoScaleEvaluationInterval: Duration,
        enableInterNodeCommunication: Boolean,
        networkConfiguration: {NETWORK_CONFIGURATION},
        startTask: {START_TASK},
        certificateReferences: [{CERTIFICATE_REFERENCE}],
        applicationPackageReferences: [{APPLICATION_PACKAGE_REFERENCE}],
        applicationLicenses: [Text] < V2024_07,
        maxTasksPerNode: Int32 < V2020_09,
        taskSlotsPerNode: Int32 >= V2020_09,
        taskSchedulingPolicy: {TASK_SCHEDULING_POLICY},
        userAccounts: [{USER_ACCOUNT}],
        metadata: [{METADATA_ITEM}],
        mountConfiguration: [{MOUNT_CONFIGURATION}],
        targetNodeCommunicationMode: NODE_COMMUNICATION_MODE,
        upgradePolicy: {UPGRADE_POLICY} >= V2024_02,
        resourceTags: Raw >= V2023_11,
    }

    POOL_PATCH_PARAMETER "PoolPatchParameter" {
        displayName: Text >= V2024_07,
        vmSize: Text >= V2024_07,
        enableInterNodeCommunication: Boolean >= V2024_07,
        startTask: {START_TASK},
        certificateReferences: [{CERTIFICATE_REFERENCE}],
        applicationPackageReferences: [{APPLICATION_PACKAGE_REFERENCE}],
        metadata: [{METADATA_ITEM}],
        virtualMachineConfiguration: {VIRTUAL_MACHINE_CONFIGURATION} >= V2024_07,
        targetNodeCommunicationMode: NODE_COMMUNICATION_MODE,
        taskSlotsPerNode: Int32 >= V2024_07,
        taskSchedulingPolicy: {TASK_SCHEDULING_POLICY} >= V2024_07,
        networkConfiguration: {NETWORK_CONFIGURATION} >= V2024_07,
        resourceTags: Raw >= V2024_07,
        userAccounts: [{USER_ACCOUNT}] >= V2024_07,
        mountConfiguration: [{MOUNT_CONFIGURATION}] >= V2024_07,
        upgradePolicy: {UPGRADE_POLICY} >= V2024_07,
    }
    POOL_UPDATE_PROPERTIES_PARAMETER "PoolUpdatePropertiesParameter" {
        startTask: {START_TASK},
        certificateReferences: [{CERTIFICATE_REFERENCE}],
        applicationPackageReferences: [{APPLICATION_PACKAGE_REFERENCE}],
        metadata: [{METADATA_ITEM}],
        targetNodeCommunicationMode: NODE_COMMUNICATION_MODE,
    }

    POOL_ENABLE_AUTO_SCALE_PARAMETER "PoolEnableAutoScaleParameter"
    one_of("autoScaleFormula" "autoScaleEvaluationInterval") as "autoScaleFormula and/or autoScaleEvaluationInterval" {
        autoScaleFormula: Text,
        autoScaleEvaluationInterval: Duration,
    }
    POOL_EVALUATE_AUTO_SCALE_PARAMETER "PoolEvaluateAutoScaleParameter" { autoScaleFormula: Text required }

    POOL_RESIZE_PARAMETER "PoolResizeParameter"
    one_of("targetDedicatedNodes" "targetLowPriorityNodes") as "targetDedicatedNodes and/or targetLowPriorityNodes" {
        targetDedicatedNodes: Int32,
        targetLowPriorityNodes: Int32,
        resizeTimeout: Duration,
        nodeDeallocationOption: DEALLOCATION_OPTION,
    }

    NODE_REMOVE_PARAMETER "NodeRemoveParameter" {
        nodeList: [Text] required,
        resizeTimeout: Duration,
        nodeDeallocationOption: DEALLOCATION_OPTION,
    }

    NODE_REBOOT_PARAMETER "NodeRebootParameter" {
        nodeRebootOption: DEALLOCATION_OPTION,
    }
    NODE_REIMAGE_PARAMETER "NodeReimageParameter" {
        nodeReimageOption: DEALLOCATION_OPTION,
    }
    NODE_DEALLOCATE_PARAMETER "NodeDeallocateParameter" {
        nodeDeallocateOption: DEALLOCATION_OPTION,
    }
    NODE_DISABLE_SCHEDULING_PARAMETER "NodeDisableSchedulingParameter" {
        nodeDisableSchedulingOption: ("requeue" "terminate" "taskcompletion"),
    }

    // For the operations that take no body; the name is assumed.
    EMPTY_PARAMETER "EmptyParameter" {}

    // What the service answers, likewise.

    CLOUD_JOB "CloudJob" {
        id: Text,
        displayName: Text,
        url: Text,
        eTag: Text,
        lastModified: Instant,
        creationTime: Instant,
        state: JOB_STATE,
        stateTransitionTime: Instant,
        previousState: JOB_STATE,
        previousStateTransitionTime: Instant,
        priority: Int32,
        maxParallelTasks: Int32 >= V2021_06,
        usesTaskDependencies: Boolean,
        allowTaskPreemption: Boolean >= V2022_01,
        constraints: {JOB_CONSTRAINTS},
        jobManagerTask: {JOB_MANAGER_TASK},
        jobPreparationTask: {JOB_PREPARATION_TASK},
        jobReleaseTask: {JOB_RELEASE_TASK},
        commonEnvironmentSettings: [{ENVIRONMENT_SETTING}],
        poolInfo: {POOL_INFORMATION},
        metadata: [{METADATA_ITEM}],
        executionInfo: {JOB_EXECUTION_INFORMATION},
        stats: {JOB_STATISTICS},
        onAllTasksComplete: ON_ALL_TASKS_COMPLETE,
        onTaskFailure: ON_TASK_FAILURE,
        networkConfiguration: {JOB_NETWORK_CONFIGURATION},
    }
    JOB_EXECUTION_INFORMATION "JobExecutionInformation" {
        startTime: Instant required,
        endTime: Instant,
        poolId: Text,
        schedulingError: {JOB_SCHEDULING_ERROR},
        terminateReason: Text,
    }
    JOB_SCHEDULING_ERROR "JobSchedulingError" {
        category: ERROR_CATEGORY required,
        code: Text,
        message: Text,
        details: [{NAME_VALUE_PAIR}],
    }
    NAME_VALUE_PAIR "NameValuePair" { name: Text, value: Text }
    JOB_STATISTICS "JobStatistics" {
        url: Text required,
        startTime: Instant required,
        lastUpdateTime: Instant required,
        userCPUTime: Duration required,
        kernelCPUTime: Duration required,
        wallClockTime: Duration required,
        readIOps: Int64 required,
        writeIOps: Int64 required,
        readIOGiB: Double required,
        writeIOGiB: Double required,
        numSucceededTasks: Int64 required,
        numFailedTasks: Int64 required,
        numTaskRetries: Int64 required,
        waitTime: Duration required,
    }

    CLOUD_TASK "CloudTask" {
        id: Text,
        url: Text,
        eTag: Text,
        creationTime: Instant,
        lastModified: Instant,
        state: TASK_STATE,
        stateTransitionTime: Instant,
        previousState: TASK_STATE,
        previousStateTransitionTime: Instant,
        displayName: Text,
        commandLine: Text,
        containerSettings: {TASK_CONTAINER_SETTINGS},
        exitConditions: {EXIT_CONDITIONS},
        resourceFiles: [{RESOURCE_FILE}],
        outputFiles: [{OUTPUT_FILE}],
        environmentSettings: [{ENVIRONMENT_SETTING}],
        affinityInfo: {AFFINITY_INFORMATION},
        userIdentity: {USER_IDENTITY},
        multiInstanceSettings: {MULTI_INSTANCE_SETTINGS},
        constraints: {TASK_CONSTRAINTS},
        requiredSlots: Int32 >= V2020_09,
        executionInfo: {TASK_EXECUTION_INFORMATION},
        nodeInfo: {COMPUTE_NODE_INFORMATION},
        stats: {TASK_STATISTICS},
        dependsOn: {TASK_DEPENDENCIES},
        applicationPackageReferences: [{APPLICATION_PACKAGE_REFERENCE}],
        authenticationTokenSettings: {AUTHENTICATION_TOKEN_SETTINGS},
    }
    TASK_EXECUTION_INFORMATION "TaskExecutionInformation" {
        startTime: Instant,
        endTime: Instant,
        exitCode: Int32,
        containerInfo: {TASK_CONTAINER_EXECUTION_INFORMATION},
        failureInfo: {TASK_FAILURE_INFORMATION},
        result: TASK_EXECUTION_RESULT,
        retryCount: Int32 required,
        lastRetryTime: Instant,
        requeueCount: Int32 required,
        lastRequeueTime: Instant,
    }
    TASK_CONTAINER_EXECUTION_INFORMATION "TaskContainerExecutionInformation" {
        containerId: Text,
        state: Text,
        error: Text,
    }
    TASK_FAILURE_INFORMATION "TaskFailureInformation" {
        category: ERROR_CATEGORY required,
        code: Text,
        message: Text,
        details: [{NAME_VALUE_PAIR}],
    }
    COMPUTE_NODE_INFORMATION "ComputeNodeInformation" {
        affinityId: Text,
        nodeUrl: Text,
        poolId: Text,
        nodeId: Text,
        taskRootDirectory: Text,
        taskRootDirectoryUrl: Text,
    }
    TASK_STATISTICS "TaskStatistics" {
        url: Text required,
        startTime: Instant required,
        lastUpdateTime: Instant required,
        userCPUTime: Duration required,
        kernelCPUTime: Duration required,
        wallClockTime: Duration required,
        readIOps: Int64 required,
        writeIOps: Int64 required,
        readIOGiB: Double required,
        writeIOGiB: Double required,
        waitTime: Duration required,
    }

    CLOUD_JOB_SCHEDULE "CloudJobSchedule" {
        id: Text,
        displayName: Text,
        url: Text,
        eTag: Text,
        lastModified: Instant,
        creationTime: Instant,
        state: JOB_SCHEDULE_STATE,
        stateTransitionTime: Instant,
        previousState: JOB_SCHEDULE_STATE,
        previousStateTransitionTime: Instant,
        schedule: {SCHEDULE},
        jobSpecification: {JOB_SPECIFICATION},
        executionInfo: {JOB_SCHEDULE_EXECUTION_INFORMATION},
        metadata: [{METADATA_ITEM}],
        stats: {JOB_STATISTICS},
    }
    JOB_SCHEDULE_EXECUTION_INFORMATION "JobScheduleExecutionInformation" {
        nextRunTime: Instant,
        recentJob: {RECENT_JOB},
        endTime: Instant,
    }
    RECENT_JOB "RecentJob" { url: Text, id: Text }

    CLOUD_POOL "CloudPool" {
        id: Text,
        displayName: Text,
        url: Text,
        eTag: Text,
        lastModified: Instant,
        creationTime: Instant,
        state: POOL_STATE,
        stateTransitionTime: Instant,
        allocationState: ALLOCATION_STATE,
        allocationStateTransitionTime: Instant,
        vmSize: Text,
        resizeTimeout: Duration,
        resizeErrors: [{RESIZE_ERROR}],
        currentDedicatedNodes: Int32,
        targetDedicatedNodes: Int32,
        currentLowPriorityNodes: Int32,
        targetLowPriorityNodes: Int32,
        enableAutoScale: Boolean,
        autoScaleFormula: Text,
        autoScaleEvaluationInterval: Duration,
        autoScaleRun: {AUTO_SCALE_RUN},
        enableInterNodeCommunication: Boolean,
        networkConfiguration: {NETWORK_CONFIGURATION},
        startTask: {START_TASK},
        certificateReferences: [{CERTIFICATE_REFERENCE}],
        applicationPackageReferences: [{APPLICATION_PACKAGE_REFERENCE}],
        applicationLicenses: [Text] < V2024_07,
        maxTasksPerNode: Int32 < V2020_09,
        taskSlotsPerNode: Int32 >= V2020_09,
        taskSchedulingPolicy: {TASK_SCHEDULING_POLICY},
        cloudServiceConfiguration: {CLOUD_SERVICE_CONFIGURATION} < V2024_07,
        virtualMachineConfiguration: {VIRTUAL_MACHINE_CONFIGURATION},
        userAccounts: [{USER_ACCOUNT}],
        metadata: [{METADATA_ITEM}],
        stats: {POOL_STATISTICS},
        mountConfiguration: [{MOUNT_CONFIGURATION}],
        identity: {BATCH_POOL_IDENTITY},
        targetNodeCommunicationMode: NODE_COMMUNICATION_MODE,
        currentNodeCommunicationMode: NODE_COMMUNICATION_MODE,
        upgradePolicy: {UPGRADE_POLICY} >= V2024_02,
        resourceTags: Raw >= V2023_11,
    }
    RESIZE_ERROR "ResizeError" { code: Text, message: Text, values: [{NAME_VALUE_PAIR}] }
    AUTO_SCALE_RUN "AutoScaleRun" {
        timestamp: Instant required,
        results: Text,
        error: {AUTO_SCALE_RUN_ERROR},
    }
    AUTO_SCALE_RUN_ERROR "AutoScaleRunError" {
        code: Text,
        message: Text,
        values: [{NAME_VALUE_PAIR}],
    }
    POOL_STATISTICS "PoolStatistics" {
        url: Text required,
        startTime: Instant required,
        lastUpdateTime: Instant required,
        usageStats: {USAGE_STATISTICS},
        resourceStats: {RESOURCE_STATISTICS},
    }
    USAGE_STATISTICS "UsageStatistics" {
        startTime: Instant required,
        lastUpdateTime: Instant required,
        dedicatedCoreTime: Duration required,
    }
    RESOURCE_STATISTICS "ResourceStatistics" {
        startTime: Instant required,
        lastUpdateTime: Instant required,
        avgCPUPercentage: Double required,
        avgMemoryGiB: Double required,
        peakMemoryGiB: Double required,
        avgDiskGiB: Double required,
        peakDiskGiB: Double required,
        diskReadIOps: Int64 required,
        diskWriteIOps: Int64 required,
        diskReadGiB: Double required,
        diskWriteGiB: Double required,
        networkReadGiB: Double required,
        networkWriteGiB: Double required,
    }
    BATCH_POOL_IDENTITY "BatchPoolIdentity" {
        type: ("UserAssigned" "None") required,
        userAssignedIdentities: [{USER_ASSIGNED_IDENTITY}],
    }
    USER_ASSIGNED_IDENTITY "UserAssignedIdentity" {
        resourceId: Text required,
        clientId: Text,
        principalId: Text,
    }

    COMPUTE_NODE "ComputeNode" {
        id: Text,
        url: Text,
        state: COMPUTE_NODE_STATE,
        schedulingState: SCHEDULING_STATE,
        stateTransitionTime: Instant,
        lastBootTime: Instant,
        allocationTime: Instant,
        ipAddress: Text,
        ipv6Address: Text >= V2025_06,
        affinityId: Text,
        vmSize: Text,
        totalTasksRun: Int32,
        totalTasksSucceeded: Int32,
        runningTasksCount: Int32,
        runningTaskSlotsCount: Int32 >= V2020_09,
        recentTasks: [{TASK_INFORMATION}],
        startTask: {START_TASK},
        startTaskInfo: {START_TASK_INFORMATION},
        certificateReferences: [{CERTIFICATE_REFERENCE}],
        errors: [{COMPUTE_NODE_ERROR}],
        isDedicated: Boolean,
        endpointConfiguration: {COMPUTE_NODE_ENDPOINT_CONFIGURATION},
        nodeAgentInfo: {NODE_AGENT_INFORMATION},
        virtualMachineInfo: {VIRTUAL_MACHINE_INFO},
    }
    TASK_INFORMATION "TaskInformation" {
        taskUrl: Text,
        jobId: Text,
        taskId: Text,
        subtaskId: Int32,
        taskState: TASK_STATE required,
        executionInfo: {TASK_EXECUTION_INFORMATION},
    }
    START_TASK_INFORMATION "StartTaskInformation" {
        state: ONE_RUN_STATE required,
        startTime: Instant required,
        endTime: Instant,
        exitCode: Int32,
        containerInfo: {TASK_CONTAINER_EXECUTION_INFORMATION},
        failureInfo: {TASK_FAILURE_INFORMATION},
        retryCount: Int32 required,
        lastRetryTime: Instant,
        result: TASK_EXECUTION_RESULT,
    }
    COMPUTE_NODE_ERROR "ComputeNodeError" {
        code: Text,
        message: Text,
        errorDetails: [{NAME_VALUE_PAIR}],
    }
    COMPUTE_NODE_ENDPOINT_CONFIGURATION "ComputeNodeEndpointConfiguration" {
        inboundEndpoints: [{INBOUND_ENDPOINT}] required,
    }
    INBOUND_ENDPOINT "InboundEndpoint" {
        name: Text required,
        protocol: INBOUND_ENDPOINT_PROTOCOL required,
        publicIPAddress: Text required,
        publicFQDN: Text required,
        frontendPort: Int32 required,
        backendPort: Int32 required,
    }
    NODE_AGENT_INFORMATION "NodeAgentInformation" {
        version: Text required,
        lastUpdateTime: Instant required,
    }
    VIRTUAL_MACHINE_INFO "VirtualMachineInfo" {
        imageReference: {IMAGE_REFERENCE},
        scaleSetVmResourceId: Text >= V2023_11,
    }

    PREPARATION_AND_RELEASE_STATUS "JobPreparationAndReleaseTaskExecutionInformation" {
        poolId: Text,
        nodeId: Text,
        nodeUrl: Text,
        jobPreparationTaskExecutionInfo: {JOB_PREPARATION_TASK_EXECUTION_INFORMATION},
        jobReleaseTaskExecutionInfo: {JOB_RELEASE_TASK_EXECUTION_INFORMATION},
    }
    JOB_PREPARATION_TASK_EXECUTION_INFORMATION "JobPreparationTaskExecutionInformation" {
        startTime: Instant required,
        endTime: Instant,
        taskRootDirectory: Text,
        taskRootDirectoryUrl: Text,
        state: ONE_RUN_STATE required,
        exitCode: Int32,
        containerInfo: {TASK_CONTAINER_EXECUTION_INFORMATION},
        failureInfo: {TASK_FAILURE_INFORMATION},
        result: TASK_EXECUTION_RESULT,
        retryCount: Int32 required,
        lastRetryTime: Instant,
    }
    JOB_RELEASE_TASK_EXECUTION_INFORMATION "JobReleaseTaskExecutionInformation" {
        startTime: Instant required,
        endTime: Instant,
        taskRootDirectory: Text,
        taskRootDirectoryUrl: Text,
        state: ONE_RUN_STATE required,
        exitCode: Int32,
        containerInfo: {TASK_CONTAINER_EXECUTION_INFORMATION},
        failureInfo: {TASK_FAILURE_INFORMATION},
        result: TASK_EXECUTION_RESULT,
    }

    TASK_COUNTS_RESULT "TaskCountsResult" {
        taskCounts: {TASK_COUNTS} required,
        taskSlotCounts: {TASK_SLOT_COUNTS} required >= V2020_09,
    }
    TASK_COUNTS "TaskCounts" {
        active: Int32 required,
        running: Int32 required,
        completed: Int32 required,
        succeeded: Int32 required,
        failed: Int32 required,
    }
    TASK_SLOT_COUNTS "TaskSlotCounts" {
        active: Int32 required,
        running: Int32 required,
        completed: Int32 required,
        succeeded: Int32 required,
        failed: Int32 required,
    }

    TASK_ADD_RESULT "TaskAddResult" {
        status: ("Success" "ClientError" "ServerError") required,
        taskId: Text required,
        eTag: Text,
        lastModified: Instant,
        location: Text,
        error: {BATCH_ERROR},
    }
    BATCH_ERROR "BatchError" {
        code: Text,
        message: {ERROR_MESSAGE},
        values: [{BATCH_ERROR_DETAIL}],
    }
    ERROR_MESSAGE "ErrorMessage" { lang: Text, value: Text }
    BATCH_ERROR_DETAIL "BatchErrorDetail" { key: Text, value: Text }

    POOL_NODE_COUNTS "PoolNodeCounts" {
        poolId: Text,
        dedicated: {NODE_COUNTS},
        lowPriority: {NODE_COUNTS},
    }
    NODE_COUNTS "NodeCounts" {
        creating: Int32,
        idle: Int32,
        offline: Int32,
        preempted: Int32,
        rebooting: Int32,
        reimaging: Int32,
        running: Int32,
        starting: Int32,
        startTaskFailed: Int32,
        leavingPool: Int32,
        unknown: Int32,
        unusable: Int32,
        waitingForStartTask: Int32,
        deallocated: Int32 >= V2024_07,
        deallocating: Int32 >= V2024_07,
        total: Int32,
        upgradingOS: Int32 >= V2024_02,
    }
    POOL_USAGE_METRICS "PoolUsageMetrics" {
        poolId: Text,
        startTime: Instant,
        endTime: Instant,
        vmSize: Text,
        totalCoreHours: Double,
    }
    COMPUTE_NODE_USER "ComputeNodeUser" {
        name: Text required,
        isAdmin: Boolean,
        expiryTime: Instant,
        password: Text,
        sshPublicKey: Text,
    }
    NODE_UPDATE_USER_PARAMETER "NodeUpdateUserParameter" {
        password: Text,
        expiryTime: Instant,
        sshPublicKey: Text,
    }
    REMOTE_LOGIN_SETTINGS "ComputeNodeGetRemoteLoginSettingsResult" {
        remoteLoginIPAddress: Text required,
        remoteLoginPort: Int32 required,
    }
    UPLOAD_BATCH_SERVICE_LOGS_CONFIGURATION "UploadBatchServiceLogsConfiguration" {
        containerUrl: Text required,
        startTime: Instant required,
        endTime: Instant,
        identityReference: {COMPUTE_NODE_IDENTITY_REFERENCE} >= V2021_06,
    }
    UPLOAD_BATCH_SERVICE_LOGS_RESULT "UploadBatchServiceLogsResult" {
        virtualDirectoryName: Text required,
        numberOfFilesUploaded: Int32 required,
    }
    NODE_VM_EXTENSION "NodeVMExtension" {
        provisioningState: Text,
        vmExtension: {VM_EXTENSION},
        instanceView: Raw,
    }
    NODE_FILE "NodeFile" {
        name: Text,
        url: Text,
        isDirectory: Boolean,
        properties: {FILE_PROPERTIES},
    }
    FILE_PROPERTIES "FileProperties" {
        creationTime: Instant,
        lastModified: Instant required,
        contentLength: Int64 required,
        contentType: Text,
        fileMode: Text,
    }
    SUPPORTED_IMAGE "ImageInformation" {
        imageReference: {IMAGE_REFERENCE},
        verificationType: VERIFICATION_TYPE,
        nodeAgentSKUId: Text,
        capabilities: [Text],
        batchSupportEndOfLife: Instant,
        osType: OS_TYPE,
    }
    NODE_AGENT_SKU "NodeAgentSku" {
        id: Text,
        verifiedImageReferences: [{IMAGE_REFERENCE}],
        osType: OS_TYPE,
    }
    APPLICATION_SUMMARY "ApplicationSummary" { id: Text, displayName: Text, versions: [Text] }

    SUBTASK_INFORMATION "SubtaskInformation" {
        id: Int32,
        nodeInfo: {COMPUTE_NODE_INFORMATION},
        startTime: Instant,
        endTime: Instant,
        exitCode: Int32,
        containerInfo: {TASK_CONTAINER_EXECUTION_INFORMATION},
        failureInfo: {TASK_FAILURE_INFORMATION},
        state: SUBTASK_STATE,
        stateTransitionTime: Instant,
        previousState: SUBTASK_STATE,
        previousStateTransitionTime: Instant,
        result: TASK_EXECUTION_RESULT,
    }
}

#[cfg(test)]
mod tests;

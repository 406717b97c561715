//! Bodies with every property that their models have (B8).

use serde_json::{Value, json};

fn files() -> Value {
    json!([
        { "httpUrl": "https://a/b", "filePath": "b", "fileMode": "0770", "identityReference": { "resourceId": "/id" } },
        { "autoStorageContainerName": "c", "blobPrefix": "p/", "filePath": "d" },
        { "storageContainerUrl": "https://s/c", "filePath": "." },
        { "httpUrl": "https://h/\u{e4}\u{1f600}\"\\\u{0}", "filePath": "" },
    ])
}

fn container() -> Value {
    json!({
        "containerRunOptions": "--rm", "imageName": "ubuntu", "workingDirectory": "taskWorkingDirectory",
        "registry": {
            "username": "u", "password": "p", "registryServer": "r.io", "identityReference": { "resourceId": "/id" },
        },
        "containerHostBatchBindMounts": [{ "source": "Shared", "isReadOnly": true }],
    })
}

fn environment() -> Value {
    json!([{ "name": "A", "value": "1" }, { "name": "\u{e4}\u{1f600}" }])
}

fn identity() -> Value {
    json!({ "autoUser": { "scope": "task", "elevationLevel": "admin" } })
}

fn outputs() -> Value {
    json!([{
        "filePattern": "**/*.txt",
        "destination": { "container": {
            "path": "out", "containerUrl": "https://s/out", "identityReference": { "resourceId": "/id" },
            "uploadHeaders": [{ "name": "x-ms-blob-content-type", "value": "text/plain" }],
        } },
        "uploadOptions": { "uploadCondition": "taskcompletion" },
    }])
}

pub(super) fn limits() -> Value {
    json!({ "maxWallClockTime": "PT1H30M", "retentionTime": "P2D", "maxTaskRetryCount": 3 })
}

pub(super) fn job() -> Value {
    json!({
        "id": "whole", "displayName": "The whole of it", "priority": -100, "maxParallelTasks": 10, "allowTaskPreemption": true,
        "constraints": { "maxWallClockTime": "P1DT2H", "maxTaskRetryCount": -1 },
        "jobManagerTask": {
            "id": "manager", "displayName": "M", "commandLine": "manage", "containerSettings": container(),
            "resourceFiles": files(), "outputFiles": outputs(), "environmentSettings": environment(), "constraints": limits(),
            "requiredSlots": 2, "userIdentity": identity(), "runExclusive": false,
            "applicationPackageReferences": [{ "applicationId": "app", "version": "1.0" }],
            "authenticationTokenSettings": { "access": ["job"] }, "allowLowPriorityNode": false, "killJobOnCompletion": false,
        },
        "jobPreparationTask": {
            "id": "prepare", "commandLine": "p", "containerSettings": container(), "resourceFiles": files(),
            "environmentSettings": environment(), "constraints": limits(), "userIdentity": { "username": "me" },
            "waitForSuccess": false, "rerunOnNodeRebootAfterSuccess": false,
        },
        "jobReleaseTask": {
            "id": "release", "commandLine": "r", "containerSettings": container(), "resourceFiles": files(),
            "environmentSettings": environment(), "maxWallClockTime": "PT14M59S", "retentionTime": "PT0.001S", "userIdentity": identity(),
        },
        "commonEnvironmentSettings": environment(), "poolInfo": { "poolId": "pool" }, "onAllTasksComplete": "terminatejob",
        "onTaskFailure": "performexitoptionsjobaction", "metadata": [{ "name": "m", "value": "" }, { "name": "m", "value": "again" }],
        "usesTaskDependencies": true, "networkConfiguration": { "subnetId": "/net", "skipWithdrawFromVNet": false },
    })
}

pub(super) fn task() -> Value {
    let act = |job: &str, dependency: &str| json!({ "jobAction": job, "dependencyAction": dependency });
    json!({
        "id": "whole", "displayName": "The whole of it", "commandLine": "run \"it\"", "containerSettings": container(),
        "exitConditions": {
            "exitCodes": [{ "code": 3, "exitOptions": act("none", "satisfy") }, { "code": -1, "exitOptions": {} }],
            "exitCodeRanges": [{ "start": -2_147_483_648, "end": 2_147_483_647, "exitOptions": act("disable", "block") }],
            "preProcessingError": act("terminate", "block"), "fileUploadError": act("none", "satisfy"),
            "default": { "jobAction": "none" },
        },
        "resourceFiles": files(), "outputFiles": outputs(), "environmentSettings": environment(),
        "affinityInfo": { "affinityId": "TVM:n1" }, "constraints": limits(), "requiredSlots": 2, "userIdentity": identity(),
        "multiInstanceSettings": { "numberOfInstances": 2, "coordinationCommandLine": "c", "commonResourceFiles": files() },
        "dependsOn": { "taskIds": ["a", "b"], "taskIdRanges": [{ "start": 0, "end": 2_147_483_647 }] },
        "applicationPackageReferences": [{ "applicationId": "app" }], "authenticationTokenSettings": { "access": ["job"] },
    })
}

pub(super) fn pool() -> Value {
    json!({
        "id": "whole", "displayName": "The whole of it", "vmSize": "standard_d2_v3", "resizeTimeout": "PT30M",
        "virtualMachineConfiguration": {
            "imageReference": {
                "publisher": "canonical", "offer": "ubuntu", "sku": "22_04", "version": "latest", "virtualMachineImageId": "/image",
                "sharedGalleryImageId": "/shared", "communityGalleryImageId": "/community",
            },
            "nodeAgentSKUId": "batch.node.ubuntu 22.04", "windowsConfiguration": { "enableAutomaticUpdates": true },
            "dataDisks": [{ "lun": 0, "caching": "readwrite", "diskSizeGB": 64, "storageAccountType": "premium_lrs" }],
            "licenseType": "Windows_Server",
            "containerConfiguration": {
                "type": "dockerCompatible", "containerImageNames": ["ubuntu"],
                "containerRegistries": [{ "registryServer": "r.io", "username": "u", "password": "p" }],
            },
            "diskEncryptionConfiguration": { "targets": ["osdisk", "temporarydisk"] },
            "nodePlacementConfiguration": { "policy": "Zonal" },
            "extensions": [{
                "name": "e", "publisher": "p", "type": "t", "typeHandlerVersion": "1", "autoUpgradeMinorVersion": true,
                "enableAutomaticUpgrade": false, "settings": { "any": [1, { "thing": null }] }, "protectedSettings": {},
                "provisionAfterExtensions": ["f"],
            }],
            "osDisk": {
                "ephemeralOSDiskSettings": { "placement": "CacheDisk" }, "caching": "none", "diskSizeGB": 30,
                "managedDisk": { "storageAccountType": "standard_lrs", "securityProfile": { "securityEncryptionType": "VMGuestStateOnly" } },
                "writeAcceleratorEnabled": false,
            },
            "securityProfile": {
                "securityType": "trustedLaunch", "encryptionAtHost": true,
                "uefiSettings": { "secureBootEnabled": true, "vTpmEnabled": true },
            },
            "serviceArtifactReference": { "id": "/artifact" },
        },
        "targetDedicatedNodes": 2, "targetLowPriorityNodes": 1, "enableAutoScale": false, "enableInterNodeCommunication": true,
        "networkConfiguration": {
            "subnetId": "/net", "dynamicVNetAssignmentScope": "none", "enableAcceleratedNetworking": true,
            "endpointConfiguration": { "inboundNATPools": [{
                "name": "ssh", "protocol": "tcp", "backendPort": 22, "frontendPortRangeStart": 10000, "frontendPortRangeEnd": 10100,
                "networkSecurityGroupRules": [{ "priority": 150, "access": "allow", "sourceAddressPrefix": "*", "sourcePortRanges": ["1-2"] }],
            }] },
            "publicIPAddressConfiguration": { "provision": "usermanaged", "ipAddressIds": ["/ip"] },
        },
        "startTask": {
            "commandLine": "start", "containerSettings": container(), "resourceFiles": files(), "environmentSettings": environment(),
            "userIdentity": identity(), "maxTaskRetryCount": 2, "waitForSuccess": true,
        },
        "certificateReferences": [{
            "thumbprint": "ab", "thumbprintAlgorithm": "sha1", "storeLocation": "currentuser", "storeName": "My", "visibility": ["task"],
        }],
        "applicationPackageReferences": [{ "applicationId": "app", "version": "1" }], "taskSlotsPerNode": 4,
        "taskSchedulingPolicy": { "nodeFillType": "Pack" },
        "userAccounts": [{
            "name": "u", "password": "p", "elevationLevel": "admin",
            "linuxUserConfiguration": { "uid": 1, "gid": 2, "sshPrivateKey": "k" },
            "windowsUserConfiguration": { "loginMode": "batch" },
        }],
        "metadata": [{ "name": "a", "value": "b" }],
        "mountConfiguration": [
            { "azureBlobFileSystemConfiguration": {
                "accountName": "a", "containerName": "c", "accountKey": "k", "sasKey": "s", "blobfuseOptions": "o",
                "relativeMountPath": "m", "identityReference": { "resourceId": "/id" },
            } },
            { "nfsMountConfiguration": { "source": "s", "relativeMountPath": "m", "mountOptions": "o" } },
            { "cifsMountConfiguration": { "username": "u", "source": "s", "relativeMountPath": "m", "mountOptions": "o", "password": "p" } },
            { "azureFileShareConfiguration": {
                "accountName": "a", "azureFileUrl": "https://f", "accountKey": "k", "relativeMountPath": "m", "mountOptions": "o",
            } },
        ],
        "targetNodeCommunicationMode": "simplified",
        "upgradePolicy": {
            "mode": "automatic",
            "automaticOSUpgradePolicy": {
                "disableAutomaticRollback": true, "enableAutomaticOSUpgrade": true, "useRollingUpgradePolicy": true, "osRollingUpgradeDeferral": true,
            },
            "rollingUpgradePolicy": {
                "enableCrossZoneUpgrade": true, "maxBatchInstancePercent": 20, "maxUnhealthyInstancePercent": 20,
                "maxUnhealthyUpgradedInstancePercent": 20, "pauseTimeBetweenBatches": "PT0S", "prioritizeUnhealthyInstances": true,
                "rollbackFailedInstancesOnPolicyBreach": true,
            },
        },
        "resourceTags": { "team": "x" },
    })
}

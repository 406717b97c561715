//! Typed calls as requests over REST.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::{Map, Value, json};

use crate::{
    NodeId, PoolIdPrefix, Preconditions, TaskId, TimeSpan, Timestamp,
    condition::EntityTags,
    job::{
        AddJob, AutoPool, JobChange, JobConstraints, JobManagerTask, JobPatch, JobPreparationTask,
        JobReleaseTask, JobSettings, JobTemplate, ParallelLimit, PoolInfo, TerminateReason,
    },
    job_schedule::{AddJobSchedule, JobScheduleChange, Schedule},
    node::{ChangeNode, Password, UserAccess},
    pool::{AddPool, AutoScaleSettings, NodeCounts, NodeFillType},
    rest::{ApiVersion, Guid, OwnedRequest},
    task::{
        DependencyAction, ExitCodeRange, ExitConditions, ExitOptions, JobAction, RequestedConstraints,
        RetryLimit, TaskConstraints, TaskSpecification,
    },
    testing::{call::Call, shapes::uninterpreted_of_pool},
};

/// What all requests for one path have in common.
struct Draft {
    method: &'static str,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Value>,
}

impl Call {
    /// The request over REST that asks for the same, in the newest api-version; `None` for what users do not ask
    /// for, such as a report or a tick, and for what only typed commands can say.
    ///
    /// A command line is made up where REST wants one. What the crate does not interpret is left out.
    pub fn request(&self, now: Timestamp) -> Option<OwnedRequest> {
        let draft = self.draft()?;
        let joint = if draft.target.contains('?') { '&' } else { '?' };
        let version = ApiVersion::ALL.last().copied().unwrap_or(ApiVersion::OLDEST);
        let mut headers = draft.headers;
        let body = draft.body.map_or(Vec::new(), |body| {
            headers.push(("Content-Type".into(), b"application/json; odata=minimalmetadata".to_vec()));
            body.to_string().into_bytes()
        });
        Some(OwnedRequest {
            method: draft.method.into(),
            target: format!("{}{joint}api-version={version}", draft.target),
            headers,
            body,
            received: if let Self::AddJob(command) = self { command.received } else { now },
            request_id: Guid::from_u128(1),
        })
    }

    #[allow(clippy::too_many_lines, reason = "a row for each operation")]
    fn draft(&self) -> Option<Draft> {
        let forced = |force: Option<TimeSpan>| if force.is_some() { "?force=true" } else { "" };
        Some(match self {
            Self::AddJob(command) => {
                // A user cannot add a job under an id that only schedules give.
                command.specification.id.schedule().is_none().then_some(())?;
                post("/jobs".into(), Some(add_job(command)))
            }
            Self::TerminateJob(job, command) => {
                let body = match &command.reason {
                    TerminateReason::User(reason) => {
                        reason.as_ref().map(|reason| json!({ "terminateReason": reason.to_string() }))
                    }
                    _ => return None,
                };
                post(format!("/jobs/{job}/terminate{}", forced(command.force)), body)
                    .on(&command.preconditions)
            }
            Self::DeleteJob(job, command) => {
                draft("DELETE", format!("/jobs/{job}{}", forced(command.force)), None)
                    .on(&command.preconditions)
            }
            Self::DisableJob(job, command) => {
                let body = json!({ "disableTasks": command.disable_tasks.as_str() });
                post(format!("/jobs/{job}/disable"), Some(body)).on(&command.preconditions)
            }
            Self::EnableJob(job, command) => {
                post(format!("/jobs/{job}/enable"), None).on(&command.preconditions)
            }
            Self::UpdateJob(job, command) => {
                let (method, body) = match &command.change {
                    JobChange::Replace(settings) => ("PUT", job_settings(settings)),
                    JobChange::Patch(patch) => ("PATCH", job_patch(patch)),
                };
                draft(method, format!("/jobs/{job}"), Some(body.into())).on(&command.preconditions)
            }
            Self::AddTask(job, command) => {
                let mut body = task(&command.id, command.command_line.as_deref(), &command.specification);
                body.insert("constraints".into(), requested(&command.constraints));
                post(format!("/jobs/{job}/tasks"), Some(body.into()))
            }
            Self::UpdateTask(job, task, command) => {
                let body = json!({ "constraints": requested(&command.constraints) });
                draft("PUT", format!("/jobs/{job}/tasks/{task}"), Some(body)).on(&command.preconditions)
            }
            Self::TerminateTask(job, task, command) => {
                post(format!("/jobs/{job}/tasks/{task}/terminate"), None).on(&command.preconditions)
            }
            Self::ReactivateTask(job, task, command) => {
                post(format!("/jobs/{job}/tasks/{task}/reactivate"), None).on(&command.preconditions)
            }
            Self::DeleteTask(job, task, command) => {
                draft("DELETE", format!("/jobs/{job}/tasks/{task}"), None).on(&command.preconditions)
            }
            Self::AddPool(command) => post("/pools".into(), Some(add_pool(command))),
            Self::ResizePool(pool, command) => {
                let mut body = json!({ "nodeDeallocationOption": command.tasks.as_str() });
                give(&mut body, "targetDedicatedNodes", command.dedicated);
                give(&mut body, "targetLowPriorityNodes", command.low_priority);
                post(format!("/pools/{pool}/resize"), Some(body)).on(&command.preconditions)
            }
            Self::RemoveNodes(pool, command) => {
                let nodes: Vec<&str> = command.nodes.iter().map(NodeId::as_str).collect();
                let body = json!({ "nodeList": nodes, "nodeDeallocationOption": command.tasks.as_str() });
                post(format!("/pools/{pool}/removenodes"), Some(body)).on(&command.preconditions)
            }
            Self::StopResize(pool, command) => {
                post(format!("/pools/{pool}/stopresize"), None).on(&command.preconditions)
            }
            Self::UpdatePool(pool, command) => {
                let mut body = json!({});
                give(&mut body, "taskSlotsPerNode", command.task_slots_per_node);
                give(&mut body, "taskSchedulingPolicy", command.node_fill_type.map(fill_type));
                draft("PATCH", format!("/pools/{pool}"), Some(body)).on(&command.preconditions)
            }
            Self::EnableAutoScale(pool, command) => {
                let mut body = json!({});
                give(&mut body, "autoScaleFormula", command.formula.as_ref().map(ToString::to_string));
                post(format!("/pools/{pool}/enableautoscale"), Some(body)).on(&command.preconditions)
            }
            Self::DisableAutoScale(pool) => post(format!("/pools/{pool}/disableautoscale"), None),
            Self::DeletePool(pool, command) => {
                draft("DELETE", format!("/pools/{pool}"), None).on(&command.preconditions)
            }
            Self::ChangeNode(pool, node, change) => change_node(&format!("/pools/{pool}/nodes/{node}"), *change),
            Self::AddNodeUser(pool, node, user, access) => {
                let mut body = user_access(access);
                give(&mut body, "name", Some(user.as_str()));
                post(format!("/pools/{pool}/nodes/{node}/users"), Some(body))
            }
            Self::UpdateNodeUser(pool, node, user, access) => {
                let path = format!("/pools/{pool}/nodes/{node}/users/{user}");
                draft("PUT", path, Some(user_access(access)))
            }
            Self::DeleteNodeUser(pool, node, user) => {
                draft("DELETE", format!("/pools/{pool}/nodes/{node}/users/{user}"), None)
            }
            Self::AddJobSchedule(command) => post("/jobschedules".into(), Some(add_job_schedule(command))),
            Self::UpdateJobSchedule(id, command) => {
                let (method, body) = match &command.change {
                    JobScheduleChange::Replace(settings) => {
                        let job = job_of_schedule(&settings.job, &settings.job_settings);
                        ("PUT", json!({ "schedule": schedule(&settings.schedule), "jobSpecification": job }))
                    }
                    JobScheduleChange::Patch(patch) => {
                        let mut body = json!({});
                        give(&mut body, "schedule", patch.schedule.as_ref().map(schedule));
                        let job = patch.job.as_ref().map(|(job, settings)| job_of_schedule(job, settings));
                        give(&mut body, "jobSpecification", job);
                        ("PATCH", body)
                    }
                };
                draft(method, format!("/jobschedules/{id}"), Some(body)).on(&command.preconditions)
            }
            Self::DisableJobSchedule(id, command) => {
                post(format!("/jobschedules/{id}/disable"), None).on(&command.preconditions)
            }
            Self::EnableJobSchedule(id, command) => {
                post(format!("/jobschedules/{id}/enable"), None).on(&command.preconditions)
            }
            Self::TerminateJobSchedule(id, command) => {
                post(format!("/jobschedules/{id}/terminate{}", forced(command.force)), None)
                    .on(&command.preconditions)
            }
            Self::DeleteJobSchedule(id, command) => {
                draft("DELETE", format!("/jobschedules/{id}{}", forced(command.force)), None)
                    .on(&command.preconditions)
            }
            Self::Tick
            | Self::Schedule
            | Self::Assign(..)
            | Self::Report(_)
            | Self::NodeEvent(..)
            | Self::AddNode(..)
            | Self::AddUnmanagedNode(..)
            | Self::AddAutoPool(..)
            | Self::RefuseAutoPool(..)
            // Over REST nodes are removed from pools that the account has.
            | Self::RemoveUnmanagedNode(..) => return None,
        })
    }
}

fn draft(method: &'static str, target: String, body: Option<Value>) -> Draft {
    Draft { method, target, headers: Vec::new(), body }
}

fn post(target: String, body: Option<Value>) -> Draft {
    draft("POST", target, body)
}

impl Draft {
    /// With a header for its condition.
    fn on(mut self, preconditions: &Preconditions) -> Self {
        let (name, value) = match preconditions {
            Preconditions::None => return self,
            Preconditions::IfMatch(tags) => ("If-Match", tags_text(tags)),
            Preconditions::IfNoneMatch(tags) => ("If-None-Match", tags_text(tags)),
            Preconditions::IfModifiedSince(date) => ("If-Modified-Since", date.rfc1123().to_string()),
            Preconditions::IfUnmodifiedSince(date) => ("If-Unmodified-Since", date.rfc1123().to_string()),
        };
        self.headers.push((name.into(), value.into_bytes()));
        self
    }
}

/// A list without a tag that any resource can have, instead of an empty one, which would be no condition.
fn tags_text(tags: &EntityTags) -> String {
    match tags {
        EntityTags::Any => "*".into(),
        EntityTags::Nothing => "\"none\"".into(),
        EntityTags::Listed { first, others } => {
            let tags = core::iter::once(first).chain(others).map(|tag| {
                let weak = if tag.weak { "W/" } else { "" };
                format!("{weak}\"{}\"", tag.etag)
            });
            tags.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Adds a property if there is one.
fn give(body: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let (Some(body), Some(value)) = (body.as_object_mut(), value) {
        body.insert(name.into(), value.into());
    }
}

fn retry_limit(limit: RetryLimit) -> Value {
    match limit {
        RetryLimit::Times(times) => times.into(),
        RetryLimit::Unlimited => (-1).into(),
    }
}

/// A span; one without end is left out.
fn span(name: &str, span: TimeSpan) -> Option<(String, Value)> {
    (span != TimeSpan::UNLIMITED).then(|| (name.into(), span.to_string().into()))
}

fn requested(constraints: &RequestedConstraints) -> Value {
    let mut body: Map<String, Value> = span("maxWallClockTime", constraints.max_wall_clock_time)
        .into_iter()
        .chain(span("retentionTime", constraints.retention_time))
        .collect();
    body.extend(
        constraints.max_task_retry_count.map(|limit| ("maxTaskRetryCount".into(), retry_limit(limit))),
    );
    body.into()
}

fn resolved(constraints: TaskConstraints) -> Value {
    requested(&RequestedConstraints {
        max_wall_clock_time: constraints.max_wall_clock_time,
        retention_time: constraints.retention_time,
        max_task_retry_count: Some(constraints.max_task_retry_count),
    })
}

fn add_job(command: &AddJob) -> Value {
    let AddJob { specification, settings, received: _ } = command;
    let mut body = job_of_schedule(&specification.template, settings);
    give(&mut body, "id", Some(specification.id.as_str()));
    body
}

/// A job without its id.
fn job_of_schedule(template: &JobTemplate, settings: &JobSettings) -> Value {
    let mut body = Value::Object(job_settings(settings));
    give(&mut body, "usesTaskDependencies", Some(template.uses_task_dependencies));
    give(&mut body, "onTaskFailure", Some(template.on_task_failure.as_str()));
    give(&mut body, "jobManagerTask", template.manager.as_ref().map(manager));
    give(&mut body, "jobPreparationTask", template.preparation.as_ref().map(preparation));
    give(&mut body, "jobReleaseTask", template.release.as_ref().map(release));
    body
}

fn manager(manager: &JobManagerTask) -> Value {
    let line = manager.command_line.as_deref();
    let mut body = Value::Object(task(&manager.id, line, &manager.specification));
    give(&mut body, "runExclusive", Some(manager.specification.run_exclusive));
    give(&mut body, "constraints", Some(resolved(manager.constraints)));
    give(&mut body, "killJobOnCompletion", Some(manager.kill_job_on_completion));
    give(&mut body, "allowLowPriorityNode", Some(manager.allow_low_priority_node));
    body
}

fn preparation(preparation: &JobPreparationTask) -> Value {
    json!({
        "id": preparation.id.as_str(),
        "commandLine": preparation.command_line().unwrap_or("prepare"),
        "constraints": resolved(preparation.constraints),
        "waitForSuccess": preparation.wait_for_success,
        "rerunOnNodeRebootAfterSuccess": preparation.rerun_on_node_reboot_after_success,
    })
}

fn release(release: &JobReleaseTask) -> Value {
    let mut body: Map<String, Value> = span("maxWallClockTime", release.max_wall_clock_time)
        .into_iter()
        .chain(span("retentionTime", release.retention_time))
        .collect();
    body.insert("id".into(), release.id.as_str().into());
    body.insert("commandLine".into(), release.command_line().unwrap_or("release").into());
    body.into()
}

fn job_settings(settings: &JobSettings) -> Map<String, Value> {
    job_patch(&JobPatch {
        pool: Some(settings.pool.clone()),
        priority: Some(settings.priority),
        max_parallel_tasks: Some(settings.max_parallel_tasks),
        allow_task_preemption: Some(settings.allow_task_preemption),
        constraints: Some(settings.constraints),
        on_all_tasks_complete: Some(settings.on_all_tasks_complete),
        network_configuration: None,
        other: settings.other.clone(),
    })
}

fn job_patch(patch: &JobPatch) -> Map<String, Value> {
    let limit = |limit: ParallelLimit| match limit {
        ParallelLimit::Unlimited => Value::from(-1),
        ParallelLimit::AtMost(limit) => limit.into(),
    };
    let constraints = |constraints: JobConstraints| {
        let mut body: Map<String, Value> =
            span("maxWallClockTime", constraints.max_wall_clock_time).into_iter().collect();
        body.insert("maxTaskRetryCount".into(), retry_limit(constraints.max_task_retry_count));
        Value::Object(body)
    };
    let all = patch.on_all_tasks_complete;
    let given = [
        ("poolInfo", patch.pool.as_ref().map(pool_info)),
        ("priority", patch.priority.map(Value::from)),
        ("maxParallelTasks", patch.max_parallel_tasks.map(limit)),
        ("allowTaskPreemption", patch.allow_task_preemption.map(Value::from)),
        ("constraints", patch.constraints.map(constraints)),
        ("onAllTasksComplete", all.map(|action| action.as_str().into())),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect()
}

fn pool_info(pool: &PoolInfo) -> Value {
    match pool {
        PoolInfo::Named(pool) => json!({ "poolId": pool.as_str() }),
        PoolInfo::Auto(pool) => {
            let AutoPool { lifetime, keep_alive, task_slots_per_node, node_fill_type, target, .. } = &**pool;
            let mut described = described_pool(*task_slots_per_node, *node_fill_type);
            size(&mut described, *target, pool.auto_scale.as_ref());
            let mut specification = json!({
                "poolLifetimeOption": lifetime.as_str(), "keepAlive": keep_alive, "pool": described,
            });
            give(&mut specification, "autoPoolIdPrefix", pool.id_prefix.as_ref().map(PoolIdPrefix::as_str));
            json!({ "autoPoolSpecification": specification })
        }
    }
}

fn add_pool(command: &AddPool) -> Value {
    let specification = &command.specification;
    let mut body = described_pool(specification.task_slots_per_node, specification.node_fill_type);
    give(&mut body, "id", Some(specification.id.as_str()));
    size(&mut body, command.target, command.auto_scale.as_ref());
    body
}

fn described_pool(slots: u32, node_fill_type: NodeFillType) -> Value {
    let mut pool = uninterpreted_of_pool();
    // The newest api-version does not know it.
    pool.remove("certificateReferences");
    pool.insert("taskSlotsPerNode".into(), slots.into());
    pool.insert("taskSchedulingPolicy".into(), fill_type(node_fill_type));
    pool.into()
}

fn fill_type(node_fill_type: NodeFillType) -> Value {
    json!({ "nodeFillType": node_fill_type.as_str() })
}

/// By a formula or by targets, not by both (P15).
fn size(body: &mut Value, target: NodeCounts, auto_scale: Option<&AutoScaleSettings>) {
    if let Some(settings) = auto_scale {
        give(body, "enableAutoScale", Some(true));
        give(body, "autoScaleFormula", Some(settings.formula.to_string()));
    } else {
        give(body, "targetDedicatedNodes", Some(target.dedicated));
        give(body, "targetLowPriorityNodes", Some(target.low_priority));
    }
}

fn task(id: &TaskId, command_line: Option<&str>, specification: &TaskSpecification) -> Map<String, Value> {
    let mut body = json!({
        "id": id.as_str(),
        "commandLine": command_line.unwrap_or("run"),
        "requiredSlots": specification.required_slots,
    });
    give(&mut body, "exitConditions", specification.exit_conditions.as_ref().map(exit_conditions));
    let depends_on = specification.depends_on.as_ref().map(|dependencies| {
        let ids: Vec<&str> = dependencies.task_ids.iter().map(TaskId::as_str).collect();
        let ranges =
            dependencies.ranges.iter().map(|range| json!({ "start": range.start, "end": range.end }));
        json!({ "taskIds": ids, "taskIdRanges": ranges.collect::<Vec<_>>() })
    });
    give(&mut body, "dependsOn", depends_on);
    if let Value::Object(body) = body { body } else { Map::new() }
}

fn exit_conditions(conditions: &ExitConditions) -> Value {
    let code =
        |range: &ExitCodeRange| json!({ "code": range.start, "exitOptions": exit_options(range.options) });
    let range = |range: &ExitCodeRange| json!({ "start": range.start, "end": range.end, "exitOptions": exit_options(range.options) });
    let mut body = json!({
        "exitCodes": conditions.exit_codes.iter().map(code).collect::<Vec<_>>(),
        "exitCodeRanges": conditions.exit_code_ranges.iter().map(range).collect::<Vec<_>>(),
    });
    give(&mut body, "preProcessingError", conditions.pre_processing_error.map(exit_options));
    give(&mut body, "fileUploadError", conditions.file_upload_error.map(exit_options));
    give(&mut body, "default", conditions.default.map(exit_options));
    body
}

fn exit_options(options: ExitOptions) -> Value {
    let mut body = json!({});
    give(&mut body, "jobAction", options.job_action.map(JobAction::as_str));
    give(&mut body, "dependencyAction", options.dependency_action.map(DependencyAction::as_str));
    body
}

fn change_node(path: &str, change: ChangeNode) -> Draft {
    let (action, body) = match change {
        ChangeNode::Reboot(tasks) => ("reboot", Some(json!({ "nodeRebootOption": tasks.as_str() }))),
        ChangeNode::Reimage(tasks) => ("reimage", Some(json!({ "nodeReimageOption": tasks.as_str() }))),
        ChangeNode::Deallocate(tasks) => {
            ("deallocate", Some(json!({ "nodeDeallocateOption": tasks.as_str() })))
        }
        ChangeNode::Start => ("start", None),
        ChangeNode::DisableScheduling(tasks) => {
            ("disablescheduling", Some(json!({ "nodeDisableSchedulingOption": tasks.as_str() })))
        }
        ChangeNode::EnableScheduling => ("enablescheduling", None),
    };
    post(format!("{path}/{action}"), body)
}

fn user_access(access: &UserAccess) -> Value {
    let mut body = json!({});
    give(&mut body, "expiryTime", access.expiry_time.map(|time| time.to_string()));
    give(&mut body, "password", access.password.as_ref().map(Password::reveal));
    give(&mut body, "sshPublicKey", access.ssh_public_key.as_deref());
    body
}

fn add_job_schedule(command: &AddJobSchedule) -> Value {
    let AddJobSchedule { specification, settings } = command;
    json!({
        "id": specification.id.as_str(),
        "schedule": schedule(&settings.schedule),
        "jobSpecification": job_of_schedule(&settings.job, &settings.job_settings),
    })
}

fn schedule(schedule: &Schedule) -> Value {
    let mut body = json!({});
    give(&mut body, "doNotRunUntil", schedule.do_not_run_until.map(|time| time.to_string()));
    give(&mut body, "doNotRunAfter", schedule.do_not_run_after.map(|time| time.to_string()));
    give(&mut body, "startWindow", schedule.start_window.map(|period| period.span().to_string()));
    give(
        &mut body,
        "recurrenceInterval",
        schedule.recurrence_interval.map(|period| period.span().to_string()),
    );
    body
}

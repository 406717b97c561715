//! azure_svc_batch 0.21, package-2024-07. It knows bearer tokens alone, and no pollers.
//!
//! Its enums are strict about case: it reads neither the `UserError` of a failure nor the `Success`
//! of an added task, which the service writes so. Such answers are read as plain JSON here.

mod transport;

use std::{
    fmt::Debug,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use azure_core::{
    Response, RetryOptions, StatusCode, TransportOptions, Url,
    auth::{AccessToken, TokenCredential},
    error::Error,
};
use azure_svc_batch::package_2024_07::{
    Client,
    models::{
        CloudJob, ImageReference, JobAddParameter, JobDisableParameter, JobPatchParameter,
        JobPreparationTask, JobReleaseTask, JobState, JobTerminateParameter, PoolAddParameter,
        PoolInformation, TaskAddCollectionParameter, TaskAddParameter, VirtualMachineConfiguration,
        cloud_pool, job_disable_parameter,
    },
};
use futures::{StreamExt, executor::block_on};
use serde_json::Value;

type Check = Result<(), Box<dyn std::error::Error>>;
type Named = (&'static str, fn(&Run) -> Check);

#[derive(Debug)]
struct AnyToken;

#[async_trait::async_trait]
impl TokenCredential for AnyToken {
    async fn get_token(&self, _: &[&str]) -> azure_core::Result<AccessToken> {
        Ok(AccessToken::new("any", time::OffsetDateTime::from(SystemTime::now() + Duration::from_secs(3600))))
    }

    async fn clear_cache(&self) -> azure_core::Result<()> {
        Ok(())
    }
}

fn equal<T: PartialEq<U> + Debug, U: Debug>(found: T, expected: U) -> Check {
    if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}").into()) }
}

/// The SDK's error for a refusal: its kind has the status; the code is in the body.
fn refused<T>(result: azure_core::Result<T>, status: u16, code: &str) -> Check {
    let Err(error) = result else { return Err(format!("not refused: {status} {code}").into()) };
    equal(error.as_http_error().map(|error| u16::from(error.status())), Some(status))?;
    let text = format!("{error:?}");
    if text.contains(code) { Ok(()) } else { Err(text.into()) }
}

fn wait<T>(
    what: &str,
    mut probe: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<T, Box<dyn std::error::Error>> {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("not within 20 s: {what}").into())
}

fn json(response: Response) -> Result<Value, Error> {
    let bytes = block_on(response.into_body().collect())?;
    Ok(serde_json::from_slice(&bytes)?)
}

struct Run {
    client: Client,
    url: String,
    pool: String,
    job: String,
}

impl Run {
    fn get_job(&self) -> Result<CloudJob, Error> {
        block_on(self.client.job_client().get(&self.job).into_future())
    }

    /// The SDK cannot read a job while it waits for nodes, nor a task that failed.
    fn job_json(&self) -> Result<Value, Error> {
        json(block_on(self.client.job_client().get(&self.job).send())?.into())
    }

    fn task_json(&self, task: &str) -> Result<Value, Error> {
        json(block_on(self.client.task_client().get(&self.job, task).send())?.into())
    }

    fn running(&self) -> Result<Vec<String>, Error> {
        let list = self.client.task_client().list(&self.job).filter("state eq 'running'").select("id,state");
        let pages = block_on(list.maxresults(1).into_stream().collect::<Vec<_>>());
        let mut names = Vec::new();
        for page in pages {
            names.extend(page?.value.into_iter().filter_map(|task| task.id));
        }
        Ok(names)
    }

    fn pools(&self) -> Check {
        let pools = self.client.pool_client();
        let image = ImageReference {
            publisher: Some("canonical".into()),
            offer: Some("ubuntu-24_04-lts".into()),
            sku: Some("server".into()),
            ..ImageReference::new()
        };
        let mut pool = PoolAddParameter::new(self.pool.clone(), "standard_d2s_v3".into());
        pool.virtual_machine_configuration =
            Some(VirtualMachineConfiguration::new(image, "batch.node.ubuntu 24.04".into()));
        pool.target_dedicated_nodes = Some(2);
        block_on(pools.add(pool.clone()).send())?;
        refused(block_on(pools.add(pool).send()), 409, "PoolExists")?;
        wait("steady", || {
            let found = block_on(pools.get(&self.pool).into_future())?;
            Ok((found.allocation_state == Some(cloud_pool::AllocationState::Steady)).then_some(()))
        })?;
        let nodes = block_on(self.client.compute_node_client().list(&self.pool).into_stream().next());
        equal(nodes.ok_or("no page")??.value.len(), 2)
    }

    fn make_job(&self) -> Check {
        let jobs = self.client.job_client();
        let pool = PoolInformation { pool_id: Some(self.pool.clone()), ..PoolInformation::new() };
        let mut job = JobAddParameter::new(self.job.clone(), pool);
        job.priority = Some(5);
        job.job_preparation_task = Some(JobPreparationTask::new("/bin/sh -c true".into()));
        job.job_release_task = Some(JobReleaseTask::new("/bin/sh -c true".into()));
        block_on(jobs.add(job.clone()).send())?;
        refused(block_on(jobs.add(job).send()), 409, "JobExists")?;
        let found = self.get_job()?;
        equal((found.state, found.priority), (Some(JobState::Active), Some(5)))?;
        equal(found.url, Some(format!("{}/jobs/{}", self.url, self.job)))?;
        equal(found.creation_time <= found.last_modified, true)
    }

    fn missing(&self) -> Check {
        refused(block_on(self.client.job_client().get("nobody").into_future()), 404, "JobNotFound")?;
        refused(block_on(self.client.job_client().terminate("nobody").send()), 404, "JobNotFound")?;
        refused(
            block_on(self.client.task_client().get(&self.job, "nothing").into_future()),
            404,
            "TaskNotFound",
        )?;
        refused(block_on(self.client.pool_client().get("nowhere").into_future()), 404, "PoolNotFound")
    }

    fn conditions(&self) -> Check {
        let jobs = self.client.job_client();
        let response = block_on(jobs.get(&self.job).send())?;
        let old = response.headers().e_tag()?.to_owned();
        equal(Some(&old), self.get_job()?.e_tag.as_ref())?;
        let change = JobPatchParameter { priority: Some(7), ..JobPatchParameter::new() };
        let answer = block_on(jobs.patch(&self.job, change.clone()).if_match(&old).send())?;
        let new = answer.headers().e_tag()?.to_owned();
        answer.headers().last_modified()?;
        refused(block_on(jobs.patch(&self.job, change).if_match(&old).send()), 412, "ConditionNotMet")?;
        refused(block_on(jobs.terminate(&self.job).if_match(&old).send()), 412, "ConditionNotMet")?;
        let unchanged = block_on(jobs.get(&self.job).if_none_match(&new).send());
        let status = match unchanged {
            Ok(response) => response.as_raw_response().status(),
            Err(error) => error.as_http_error().ok_or("no status")?.status(),
        };
        equal(status, StatusCode::NotModified)
    }

    fn tasks(&self) -> Check {
        let tasks = self.client.task_client();
        let new = |id: &str, line: &str| TaskAddParameter::new(id.into(), line.into());
        block_on(tasks.add(&self.job, new("broken", "/bin/sh -c 'exit 3'")).send())?;
        let broken = wait("the broken task", || {
            let found = self.task_json("broken")?;
            Ok((found["state"] == "completed").then_some(found))
        })?;
        let info = &broken["executionInfo"];
        equal((&info["exitCode"], &info["result"]), (&3.into(), &"failure".into()))?;
        equal(&info["failureInfo"]["code"], "FailureExitCode")?;

        block_on(tasks.add(&self.job, new("long-1", "sleep 600")).send())?;
        refused(block_on(tasks.add(&self.job, new("long-1", "sleep 600")).send()), 409, "TaskExists")?;
        let many = ["long-1", "long-2", "long-3", "long-4"].map(|id| new(id, "sleep 600"));
        let many = TaskAddCollectionParameter::new(many.into());
        let added = json(block_on(tasks.add_collection(&self.job, many).send())?.into())?;
        let status = |index: usize| added["value"][index]["status"].as_str().map(str::to_owned);
        equal(status(0).as_deref(), Some("ClientError"))?;
        equal(&added["value"][0]["error"]["code"], "TaskExists")?;
        equal((1..4).map(status).collect::<Vec<_>>(), vec![Some("Success".to_owned()); 3])?;

        wait("two running", || Ok((self.running()?.len() == 2).then_some(())))?;
        let counts = block_on(self.client.job_client().get_task_counts(&self.job).into_future())?;
        let found = (counts.task_counts.active, counts.task_counts.running, counts.task_counts.failed);
        equal(found, (2, 2, 1))?;
        equal(counts.task_slot_counts.running, 2)
    }

    fn one_task(&self) -> Check {
        let tasks = self.client.task_client();
        block_on(tasks.terminate(&self.job, "long-4").send())?;
        wait("long-4", || Ok((self.task_json("long-4")?["state"] == "completed").then_some(())))?;
        refused(block_on(tasks.terminate(&self.job, "long-4").send()), 409, "TaskCompleted")?;
        block_on(tasks.reactivate(&self.job, "long-4").send())?;
        block_on(tasks.delete(&self.job, "long-4").send())?;
        refused(block_on(tasks.get(&self.job, "long-4").into_future()), 404, "TaskNotFound")
    }

    fn disable_enable(&self) -> Check {
        let jobs = self.client.job_client();
        let requeue = JobDisableParameter::new(job_disable_parameter::DisableTasks::Requeue);
        block_on(jobs.disable(&self.job, requeue).send())?;
        wait("disabled", || Ok((self.get_job()?.state == Some(JobState::Disabled)).then_some(())))?;
        equal(self.running()?.len(), 0)?;
        block_on(jobs.enable(&self.job).send())?;
        equal(self.get_job()?.state, Some(JobState::Active))?;
        wait("two running again", || Ok((self.running()?.len() == 2).then_some(())))
    }

    fn terminate(&self) -> Check {
        let jobs = self.client.job_client();
        let tag = self.get_job()?.e_tag.ok_or("no ETag")?;
        let reason = JobTerminateParameter { terminate_reason: Some("the film is cut".into()) };
        let request = jobs.terminate(&self.job).job_terminate_parameter(reason).if_match(tag);
        let answer = block_on(request.send())?;
        equal(answer.headers().data_service_id()?, format!("{}/jobs/{}/terminate", self.url, self.job))?;
        let found = self.job_json()?;
        equal((&found["state"], &found["eTag"]), (&"terminating".into(), &answer.headers().e_tag()?.into()))?;
        equal(&found["executionInfo"]["terminateReason"], "the film is cut")?;
        refused(block_on(jobs.terminate(&self.job).send()), 409, "JobBeingTerminated")?;
        wait("completed", || Ok((self.job_json()?["state"] == "completed").then_some(())))
    }

    fn terminated(&self) -> Check {
        let found = self.get_job()?;
        let info = found.execution_info.ok_or("no executionInfo")?;
        equal((found.state, found.previous_state), (Some(JobState::Completed), Some(JobState::Active)))?;
        equal(info.terminate_reason.as_deref(), Some("the film is cut"))?;
        equal(info.end_time, found.state_transition_time)?;
        equal(found.last_modified < info.end_time, true)?;
        let tasks: Vec<Value> = ["long-1", "long-2", "long-3"]
            .map(|id| self.task_json(id))
            .into_iter()
            .collect::<Result<_, _>>()?;
        let mut states: Vec<_> = tasks.iter().filter_map(|task| task["state"].as_str()).collect();
        states.sort_unstable();
        equal(states, ["active", "completed", "completed"])?;
        for task in tasks.iter().filter(|task| task["state"] == "completed") {
            equal(&task["executionInfo"]["failureInfo"]["code"], "TaskEnded")?;
        }
        Ok(())
    }

    fn preparation_and_release(&self) -> Check {
        let list = self.client.job_client().list_preparation_and_release_task_status(&self.job);
        let page = block_on(list.into_stream().next()).ok_or("no page")??;
        equal((1..=2).contains(&page.value.len()), true)?;
        for node in page.value {
            let prepared = node.job_preparation_task_execution_info.ok_or("no preparation")?;
            let released = node.job_release_task_execution_info.ok_or("no release")?;
            equal((node.pool_id.as_deref(), prepared.exit_code), (Some(self.pool.as_str()), Some(0)))?;
            equal(released.exit_code, Some(0))?;
            equal(prepared.end_time.is_some_and(|end| end <= released.start_time), true)?;
        }
        Ok(())
    }

    fn completed_refuses(&self) -> Check {
        let jobs = self.client.job_client();
        refused(block_on(jobs.terminate(&self.job).send()), 409, "JobCompleted")?;
        let late = TaskAddParameter::new("late".into(), "true".into());
        refused(block_on(self.client.task_client().add(&self.job, late).send()), 409, "JobCompleted")?;
        let filter = format!("state eq 'completed' and startswith(id,'{}')", self.job);
        let page = block_on(jobs.list().filter(filter).select("id,state").into_stream().next());
        let found = page.ok_or("no page")??.value;
        equal(found.iter().map(|job| job.id.as_deref()).collect::<Vec<_>>(), [Some(self.job.as_str())])
    }

    fn delete(&self) -> Check {
        block_on(self.client.job_client().delete(&self.job).send())?;
        let gone =
            |error: &Error| error.as_http_error().is_some_and(|error| error.status() == StatusCode::NotFound);
        wait("no job", || match self.get_job() {
            Err(error) if gone(&error) => Ok(Some(())),
            found => found.map(|_| None),
        })?;
        block_on(self.client.pool_client().delete(&self.pool).send())?;
        wait("no pool", || match block_on(self.client.pool_client().get(&self.pool).into_future()) {
            Err(error) if gone(&error) => Ok(Some(())),
            found => found.map(|_| None),
        })
    }
}

fn main() -> ExitCode {
    let url = std::env::var("AZBATCH_URL").expect("AZBATCH_URL");
    let client = Client::builder(Arc::new(AnyToken))
        .endpoint(Url::parse(&url).expect("a URL"))
        .transport(TransportOptions::new(Arc::new(transport::Plain)))
        .retry(RetryOptions::none())
        .build()
        .expect("a client");
    let id = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis();
    let run = Run { client, url, pool: format!("rust-{id}"), job: format!("film-{id}") };

    let checks: [Named; 12] = [
        ("create a pool and meet 409", Run::pools),
        ("create and read a job and meet 409", Run::make_job),
        ("a missing job, task and pool are 404", Run::missing),
        ("the ETag that the SDK returned: 200, 412, 304", Run::conditions),
        ("add tasks one by one and as a collection; one fails, two run", Run::tasks),
        ("end, delete and reactivate a task", Run::one_task),
        ("disable, enable", Run::disable_enable),
        ("terminate with a reason", Run::terminate),
        ("the terminated job and its tasks", Run::terminated),
        ("preparation and release status", Run::preparation_and_release),
        ("a completed job refuses; find it in a list", Run::completed_refuses),
        ("delete the job and the pool", Run::delete),
    ];
    let mut failed = 0;
    for (name, check) in checks {
        match check(&run) {
            Ok(()) => println!("ok   {name}"),
            Err(error) => {
                failed += 1;
                println!("FAIL {name}\n{error}");
            }
        }
    }
    println!("{} passed, {failed} failed", checks.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! Auto pools: P19, P20 and X9.

use azbatch::{
    Account, AutoPoolNotAdded, Effect, ErrorCode, Instruction,
    job::{AddJob, AutoPoolFailure, AutoPoolFailureCode, JobSpecification},
    pool::PoolOwner,
};
use serde_json::{Value, json};

use crate::world::{World as RestWorld, brief, id};

/// A pool of one node with two slots that is made for something.
fn auto_pool(lifetime: &str) -> Value {
    let pool = json!({ "vmSize": "small", "targetDedicatedNodes": 1, "taskSlotsPerNode": 2 });
    let specification = json!({ "autoPoolIdPrefix": "film", "poolLifetimeOption": lifetime, "pool": pool });
    json!({ "autoPoolSpecification": specification })
}

fn job() -> Value {
    json!({ "id": "job", "poolInfo": auto_pool("job") })
}

/// A job with a task, and what followed from adding the job.
fn with_job(job: Value) -> (RestWorld, Vec<Effect>) {
    let mut world = RestWorld::new();
    let added = world.send("POST /jobs", job);
    assert_eq!(added.told(), "201");
    world.send("POST /jobs/job/tasks", json!({ "id": "t", "commandLine": "x" }));
    (world, added.effects)
}

/// A job whose pool and node are there.
fn with_pool(job: Value) -> RestWorld {
    let (mut world, effects) = with_job(job);
    world.obey(effects);
    world
}

const POOL: &str = "/pools/film_00000001";

/// P19
#[test]
fn a_job_gets_a_pool_of_its_own() {
    let (mut world, effects) = with_job(job());
    assert_eq!(brief(&effects), ["JobAdded", "AddPool"]);
    assert_eq!(world.account.outstanding(), [Instruction::AddPool { job: id("job") }]);
    // Until then there is no pool, and tasks wait.
    assert_eq!(world.value("/jobs/job", "/executionInfo/poolId"), Value::Null);
    world.add_node_with_slots("other", "n1", 4);
    assert_eq!(world.schedule(), []);

    world.obey(effects);
    assert_eq!(world.account.outstanding(), []);
    assert_eq!(world.value("/jobs/job", "/executionInfo/poolId"), "film_00000001");
    let pool = world.shown(POOL);
    assert_eq!((&pool["vmSize"], &pool["taskSlotsPerNode"]), (&json!("small"), &json!(2)));
    assert_eq!((&pool["allocationState"], &pool["currentDedicatedNodes"]), (&json!("steady"), &json!(1)));
    assert_eq!(brief(&world.schedule()), ["TaskRunning t tvm-1", "RunTask t tvm-1"]);
}

/// P19: the job shows what was asked for, with the defaults of a pool.
#[test]
fn the_specification_is_shown_with_its_defaults() {
    let (mut world, _) = with_job(job());
    let shown = world.value("/jobs/job", "/poolInfo/autoPoolSpecification");
    let pool = json!({
        "vmSize": "small", "taskSlotsPerNode": 2, "taskSchedulingPolicy": { "nodeFillType": "Spread" },
        "resizeTimeout": "PT15M", "targetDedicatedNodes": 1, "targetLowPriorityNodes": 0,
        "enableAutoScale": false, "enableInterNodeCommunication": false,
    });
    let expected = json!({
        "autoPoolIdPrefix": "film", "poolLifetimeOption": "job", "keepAlive": false, "pool": pool,
    });
    assert_eq!(shown, expected);
}

/// P19, P15
#[test]
fn an_auto_pool_can_scale_by_a_formula() {
    let mut job = job();
    job["poolInfo"]["autoPoolSpecification"]["pool"] = json!({
        "vmSize": "small", "enableAutoScale": true, "autoScaleFormula": "$TargetDedicatedNodes = 3",
    });
    let mut world = with_pool(job);
    assert_eq!(world.value(POOL, "/currentDedicatedNodes"), 3);
    let shown = world.value("/jobs/job", "/poolInfo/autoPoolSpecification/pool");
    assert_eq!(shown["autoScaleFormula"], "$TargetDedicatedNodes = 3");
    assert_eq!((shown.get("targetDedicatedNodes"), &shown["enableAutoScale"]), (None, &json!(true)));
}

/// P19: the host may be told twice, and may be late.
#[test]
fn a_pool_is_made_once_and_only_if_it_is_wanted() {
    let mut world = with_pool(job());
    let late = id("late");
    let now = world.now;
    let again = |world: &mut RestWorld| world.account.add_auto_pool(&id("job"), &late, now);
    assert_eq!(again(&mut world), Err(AutoPoolNotAdded::NotWanted));
    for line in ["POST /jobs/job/terminate", "DELETE /jobs/job"] {
        let (mut world, _) = with_job(job());
        world.send(line, "");
        assert_eq!(again(&mut world), Err(AutoPoolNotAdded::NotWanted), "{line}");
        assert_eq!(world.account.outstanding(), [], "{line}");
        assert_eq!(world.account.pools().count(), 0, "{line}");
    }
    let (mut world, _) = with_job(job());
    world.send("POST /pools", json!({ "id": "LATE", "vmSize": "small" }));
    assert_eq!(again(&mut world), Err(AutoPoolNotAdded::Refused(ErrorCode::PoolExists.into())));
}

/// P20
#[test]
fn the_pool_is_deleted_after_its_job() {
    for line in ["POST /jobs/job/terminate", "DELETE /jobs/job"] {
        let mut world = with_pool(job());
        world.send(line, "");
        // The job ends at one tick and the pool at the next.
        let over = if line.starts_with("DELETE") { "JobDeleted" } else { "JobCompleted" };
        assert_eq!(brief(&world.tick()), [over], "{line}");
        assert_eq!(world.state(POOL), "active", "{line}");
        assert!(world.account.deadline().is_some_and(|deadline| deadline <= world.now), "{line}");
        let effects = world.tick();
        assert_eq!(brief(&effects)[0], "PoolDeleting", "{line}");
        world.obey(effects);
        assert_eq!(world.get(POOL).told(), "404 PoolNotFound", "{line}");
        assert_eq!(world.account.deadline(), None, "{line}");
    }
}

/// P20
#[test]
fn a_pool_that_is_kept_alive_stays() {
    let mut job = job();
    job["poolInfo"]["autoPoolSpecification"]["keepAlive"] = json!(true);
    let mut world = with_pool(job);
    let deleted = world.send("DELETE /jobs/job", "");
    world.obey(deleted.effects);
    assert_eq!(world.state(POOL), "active");
    assert_eq!(world.account.deadline(), None);
}

/// P20: a user can delete the pool first.
#[test]
fn a_pool_can_be_deleted_before_its_job() {
    let mut world = with_pool(job());
    let deleted = world.send(&format!("DELETE {POOL}"), "");
    world.obey(deleted.effects);
    assert_eq!(world.value("/jobs/job", "/executionInfo/poolId"), "film_00000001");
    let deleted = world.send("DELETE /jobs/job", "");
    world.obey(deleted.effects);
    assert_eq!(world.account.deadline(), None);
}

/// X8: of an auto pool only `keepAlive` can be changed, while the job is disabled.
#[test]
fn only_whether_an_auto_pool_is_kept_can_be_changed() {
    let with = |name: &str, value: Value| {
        let mut job = json!({ "poolInfo": auto_pool("job") });
        job["poolInfo"]["autoPoolSpecification"][name] = value;
        job
    };
    let refused = "409 OperationInvalidForCurrentState";
    let mut world = with_pool(job());
    assert_eq!(world.send("PATCH /jobs/job", with("keepAlive", json!(true))).told(), refused);
    world.send("POST /jobs/job/disable", json!({ "disableTasks": "requeue" }));
    world.tick();
    let same = json!({ "poolInfo": auto_pool("job") });
    assert_eq!(world.send("PATCH /jobs/job", same).brief(), ["JobUpdated"]);
    let other = json!({ "vmSize": "large", "targetDedicatedNodes": 1, "taskSlotsPerNode": 2 });
    for change in [
        with("autoPoolIdPrefix", json!("other")),
        with("pool", other),
        with("poolLifetimeOption", json!("jobschedule")),
    ] {
        for method in ["PATCH", "PUT"] {
            assert_eq!(world.send(&format!("{method} /jobs/job"), &change).told(), refused, "{change}");
        }
    }
    let named = json!({ "poolInfo": { "poolId": "other" } });
    let mut moved = world.clone();
    assert_eq!(moved.send("PATCH /jobs/job", named).told(), "200");
    assert_eq!(moved.value("/jobs/job", "/executionInfo/poolId"), "other");
    // A job that has another pool cannot ask for one.
    assert_eq!(moved.send("PATCH /jobs/job", json!({ "poolInfo": auto_pool("job") })).told(), refused);
    for (keep, stays) in [(json!(true), true), (json!(false), false)] {
        let kept = world.send("PATCH /jobs/job", with("keepAlive", keep.clone()));
        assert_eq!(kept.brief(), ["JobUpdated", "PoolOwnerChanged"]);
        assert_eq!(world.value("/jobs/job", "/poolInfo/autoPoolSpecification/keepAlive"), keep);
        assert_eq!(world.value("/jobs/job", "/executionInfo/poolId"), "film_00000001");
        let mut ended = world.clone();
        let deleted = ended.send("DELETE /jobs/job", "");
        ended.obey(deleted.effects);
        assert_eq!(ended.account.pools().count(), usize::from(stays));
    }
}

/// X8, P20: what is said before the pool is made counts when it is made.
#[test]
fn a_pool_that_is_still_to_be_made_can_be_kept() {
    let (mut world, added) = with_job(job());
    world.send("POST /jobs/job/disable", json!({ "disableTasks": "requeue" }));
    world.tick();
    let mut kept = json!({ "poolInfo": auto_pool("job") });
    kept["poolInfo"]["autoPoolSpecification"]["keepAlive"] = json!(true);
    assert_eq!(world.send("PATCH /jobs/job", kept).brief(), ["JobUpdated"]);
    world.obey(added);
    let deleted = world.send("DELETE /jobs/job", "");
    world.obey(deleted.effects);
    assert_eq!(world.state(POOL), "active");
}

/// X8: nor can the pool that the jobs of a schedule share.
#[test]
fn a_shared_pool_cannot_be_changed_by_a_job() {
    let mut world = RestWorld::new();
    world.send("POST /jobschedules", schedule("jobschedule"));
    let effects = world.tick();
    world.obey(effects);
    world.send("POST /jobs/s:job-1/disable", json!({ "disableTasks": "requeue" }));
    world.tick();
    let mut kept = json!({ "poolInfo": auto_pool("jobschedule") });
    assert_eq!(world.send("PATCH /jobs/s:job-1", &kept).told(), "200", "as it is");
    kept["poolInfo"]["autoPoolSpecification"]["keepAlive"] = json!(true);
    assert_eq!(world.send("PATCH /jobs/s:job-1", kept).told(), "409 OperationInvalidForCurrentState");
}

fn schedule(lifetime: &str) -> Value {
    let job = json!({ "poolInfo": auto_pool(lifetime) });
    json!({ "id": "s", "schedule": { "recurrenceInterval": "PT1H" }, "jobSpecification": job })
}

/// Ends the job of a turn, and lets an hour pass to the next.
fn next_turn(world: &mut RestWorld, number: u32) {
    let terminated = world.send(&format!("POST /jobs/s:job-{number}/terminate"), "");
    world.obey(terminated.effects);
    world.later(3600);
    let effects = world.tick();
    world.obey(effects);
}

/// P19, P20
#[test]
fn the_jobs_of_a_schedule_share_a_pool_or_have_one_each() {
    for (lifetime, second) in [("jobschedule", "film_00000001"), ("job", "film_00000002")] {
        let mut world = RestWorld::new();
        world.send("POST /jobschedules", schedule(lifetime));
        let effects = world.tick();
        world.obey(effects);
        let pool = |world: &mut RestWorld, job: &str| world.value(job, "/executionInfo/poolId");
        assert_eq!(pool(&mut world, "/jobs/s:job-1"), "film_00000001", "{lifetime}");
        next_turn(&mut world, 1);
        assert_eq!(pool(&mut world, "/jobs/s:job-2"), second, "{lifetime}");
        assert_eq!(world.get("/pools").ids(), [second], "{lifetime}");
        let terminated = world.send("POST /jobschedules/s/terminate", "");
        world.obey(terminated.effects);
        assert_eq!(world.state("/jobschedules/s"), "completed", "{lifetime}");
        assert_eq!(world.account.pools().count(), 0, "{lifetime}");
    }
}

/// P19: a shared pool that is gone, or another specification, makes another pool.
#[test]
fn a_schedule_gets_another_pool_when_it_needs_one() {
    for line in [format!("DELETE {POOL}"), "PATCH /jobschedules/s".to_string()] {
        let mut world = RestWorld::new();
        world.send("POST /jobschedules", schedule("jobschedule"));
        let effects = world.tick();
        world.obey(effects);
        let mut changed = schedule("jobschedule");
        changed["jobSpecification"]["poolInfo"]["autoPoolSpecification"]["autoPoolIdPrefix"] = json!("other");
        let patch = json!({ "jobSpecification": changed["jobSpecification"] }).to_string();
        let done = world.send(&line, if line.starts_with("PATCH") { patch.as_str() } else { "" });
        world.obey(done.effects);
        next_turn(&mut world, 1);
        let pool = world.value("/jobs/s:job-2", "/executionInfo/poolId");
        assert!(pool.as_str().unwrap().ends_with("_00000002"), "{line}: {pool}");
        let deleted = world.send("DELETE /jobschedules/s", "");
        world.obey(deleted.effects);
        assert_eq!(world.account.pools().count(), 0, "{line}");
    }
}

/// P19, B5
#[test]
fn a_specification_that_makes_no_pool_is_refused() {
    let change = |name: &str, value: Value| {
        let mut job = job();
        job["poolInfo"]["autoPoolSpecification"][name] = value;
        job
    };
    let scaled = json!({ "vmSize": "x", "enableAutoScale": true, "autoScaleFormula": "1 +" });
    for (job, told, property) in [
        (
            change("poolLifetimeOption", json!("jobschedule")),
            "400 InvalidPropertyValue",
            "poolLifetimeOption",
        ),
        (change("poolLifetimeOption", Value::Null), "400 MissingRequiredProperty", "poolLifetimeOption"),
        (change("autoPoolIdPrefix", json!("x".repeat(21))), "400 InvalidPropertyValue", "autoPoolIdPrefix"),
        (change("autoPoolIdPrefix", json!("a b")), "400 InvalidPropertyValue", "autoPoolIdPrefix"),
        (change("pool", Value::Null), "400 MissingRequiredProperty", "pool"),
        (change("pool", json!({})), "400 MissingRequiredProperty", "pool.vmSize"),
        (
            change("pool", json!({ "vmSize": "x", "taskSlotsPerNode": 0 })),
            "400 InvalidPropertyValue",
            "pool.taskSlotsPerNode",
        ),
        (change("pool", scaled), "400 AutoScalingFormulaSyntaxError", ""),
    ] {
        let reply = RestWorld::new().send("POST /jobs", job);
        let path = |name: &str| {
            let prefix = "poolInfo.autoPoolSpecification.";
            if name.is_empty() { String::new() } else { format!("{prefix}{name}") }
        };
        assert_eq!((reply.told(), reply.said("PropertyName")), (told.into(), path(property)));
    }
}

/// X9, S1: the job ends at a tick, and shows why.
#[test]
fn a_job_whose_pool_cannot_be_made_ends() {
    let (mut world, _) = with_job(job());
    let code = AutoPoolFailureCode::QuotaReached;
    let failure = AutoPoolFailure { code, message: "no more nodes".into() };
    let refused = world.call(|account, _| account.refuse_auto_pool(&id("JOB"), &failure));
    assert_eq!(brief(&refused), ["JobAutoPoolFailed"]);
    assert_eq!(world.state("/jobs/job"), "active");
    assert_eq!(world.account.outstanding(), []);
    assert_eq!(brief(&world.tick()), ["JobTerminating"]);
    assert_eq!(brief(&world.tick()), ["JobCompleted"]);
    let info = world.value("/jobs/job", "/executionInfo");
    let error = json!({
        "category": "UserError", "code": "AutoPoolCreationFailedWithQuotaReached", "message": "no more nodes",
    });
    assert_eq!(info["schedulingError"], error);
    assert_eq!((info.get("terminateReason"), info.get("poolId")), (None, None));
    assert_eq!(world.state("/jobs/job/tasks/t"), "active", "E4");
    // A job that asks for no pool does not hear of it.
    assert_eq!(world.call(|account, _| account.refuse_auto_pool(&id("job"), &failure)), []);
}

/// P19: a job whose id says that a schedule made it, although there is no such schedule.
#[test]
fn a_job_without_its_schedule_owns_its_pool() {
    let mut world = RestWorld::new();
    world.send("POST /jobschedules", schedule("jobschedule"));
    world.tick();
    let settings = world.account.job(&id("s:job-1")).unwrap().settings().clone();
    world.account = Account::new(crate::world::URL);
    let specification = JobSpecification::new(id("s:job-1")).into();
    let command = AddJob { specification, settings: settings.into(), received: world.now };
    let added = world.call(|account, now| account.add_job(&command, now).unwrap());
    world.obey(added);
    let pool = world.account.pools().next().unwrap();
    assert_eq!(pool.owner(), Some(&PoolOwner::Job(id("s:job-1"))));
}

/// P20: a pool goes although another job or schedule of the same id comes before the next tick.
#[test]
fn a_pool_does_not_pass_to_a_later_owner_of_the_same_id() {
    for (owner, target, body) in [
        ("/jobs/job", "POST /jobs", job()),
        ("/jobschedules/s", "POST /jobschedules", schedule("jobschedule")),
    ] {
        let mut world = RestWorld::new();
        let added = world.send(target, &body);
        world.obey(added.effects);
        assert_eq!(world.state(POOL), "active", "{owner}");
        world.send(&format!("DELETE {owner}"), "");
        world.tick();
        assert_eq!(world.send(target, &body).told(), "201", "{owner}");
        world.tick();
        assert_eq!(world.state(POOL), "deleting", "{owner}");
    }
}

/// P19: the schedule has changed when the host has made the pool, so the next job gets another one.
#[test]
fn a_pool_of_an_old_specification_is_not_shared() {
    let mut world = RestWorld::new();
    world.send("POST /jobschedules", schedule("jobschedule"));
    let effects = world.tick();
    let mut changed = schedule("jobschedule");
    changed["jobSpecification"]["poolInfo"]["autoPoolSpecification"]["pool"]["vmSize"] = json!("large");
    let patch = json!({ "jobSpecification": changed["jobSpecification"] });
    assert_eq!(world.send("PATCH /jobschedules/s", patch).told(), "200");
    world.obey(effects);
    next_turn(&mut world, 1);
    for (number, size) in [(1, "small"), (2, "large")] {
        let pool = world.value(&format!("/jobs/s:job-{number}"), "/executionInfo/poolId");
        assert_eq!(world.value(&format!("/pools/{}", pool.as_str().unwrap()), "/vmSize"), size, "{number}");
    }
}

/// P19: the host chooses the ids, and an id that is free can come again.
#[test]
fn a_shared_pool_can_have_the_id_of_one_that_is_gone() {
    let mut world = RestWorld::new();
    world.send("POST /jobschedules", schedule("jobschedule"));
    let effects = world.tick();
    world.obey(effects);
    let deleted = world.send(&format!("DELETE {POOL}"), "");
    world.obey(deleted.effects);
    let terminated = world.send("POST /jobs/s:job-1/terminate", "");
    world.obey(terminated.effects);
    world.later(3600);
    world.tick();
    let pool = id("film_00000001");
    let made = world.call(|account, now| account.add_auto_pool(&id("s:job-2"), &pool, now).unwrap());
    assert_eq!(brief(&made), ["PoolAdded", "AddNodes", "JobPoolAssigned"]);
    assert_eq!(world.value("/jobs/s:job-2", "/executionInfo/poolId"), "film_00000001");
}

/// P20: a pool that is about to be deleted is not resized by its formula.
#[test]
fn a_pool_whose_job_has_ended_does_not_scale() {
    let mut job = job();
    job["poolInfo"]["autoPoolSpecification"]["pool"] = json!({
        "vmSize": "small", "enableAutoScale": true,
        "autoScaleFormula": "$TargetDedicatedNodes = time() > time(\"2026-02-10T09:00:00Z\") ? 3 : 1",
        "autoScaleEvaluationInterval": "PT5M",
    });
    let mut world = with_pool(job);
    world.send("POST /jobs/job/terminate", "");
    world.tick();
    world.later(3600);
    let effects = world.tick();
    assert!(!brief(&effects).iter().any(|effect| effect == "AddNodes"), "{:?}", brief(&effects));
    assert_eq!(world.state(POOL), "deleting");
}

/// P19: a pool is named or described.
#[test]
fn a_pool_cannot_be_both_named_and_described() {
    let mut both = job();
    both["poolInfo"]["poolId"] = json!("pool");
    let reply = RestWorld::new().send("POST /jobs", both);
    let told = (reply.told(), reply.said("PropertyName"));
    assert_eq!(told, ("400 InvalidPropertyValue".into(), "poolInfo.poolId".into()));
}

/// X8, B6: what a client has read and sends back is the same pool.
#[test]
fn a_pool_that_is_sent_back_as_it_was_shown_is_unchanged() {
    let image = json!({ "publisher": "p", "offer": "o", "sku": "s" });
    let machine = json!({ "imageReference": image, "nodeAgentSKUId": "agent" });
    for pool in [
        json!({ "vmSize": "Standard_D2_v3", "targetDedicatedNodes": 1 }),
        json!({ "vmSize": "x", "virtualMachineConfiguration": machine, "startTask": { "commandLine": "x" } }),
        json!({ "vmSize": "x", "enableAutoScale": true, "autoScaleFormula": "$TargetDedicatedNodes = 1" }),
        json!({
            "vmSize": "x", "taskSchedulingPolicy": { "nodeFillType": "pack" }, "metadata": [],
            "resizeTimeout": "PT60M", "autoScaleEvaluationInterval": "PT60M", "enableAutoScale": true,
            "autoScaleFormula": "1",
        }),
    ] {
        for version in ["2018-12-01.8.0", "2020-03-01.11.0", "2024-07-01.20.0", crate::world::NEWEST] {
            let mut job = job();
            job["poolInfo"]["autoPoolSpecification"]["pool"] = pool.clone();
            let mut world = with_pool(job.clone());
            let target = format!("/jobs/job?api-version={version}");
            let shown = world.value(&target, "/poolInfo");
            for method in ["PUT", "PATCH"] {
                let sent = world.send(&format!("{method} {target}"), json!({ "poolInfo": shown }));
                assert_eq!(
                    (sent.told(), sent.brief()),
                    ("200".into(), vec!["JobUpdated".to_string()]),
                    "{version} {shown}"
                );
            }
            let mut world = RestWorld::new();
            job["poolInfo"]["autoPoolSpecification"]["poolLifetimeOption"] = json!("jobschedule");
            let times = json!({ "recurrenceInterval": "PT1H" });
            let whole =
                json!({ "id": "s", "schedule": times, "jobSpecification": { "poolInfo": job["poolInfo"] } });
            assert_eq!(world.send("POST /jobschedules", whole).told(), "201");
            let effects = world.tick();
            world.obey(effects);
            let target = format!("/jobschedules/s?api-version={version}");
            let job = world.value(&target, "/jobSpecification");
            let put = json!({ "schedule": times, "jobSpecification": job });
            assert_eq!(world.send(&format!("PUT {target}"), put).told(), "200");
            next_turn(&mut world, 1);
            assert_eq!(
                world.value("/jobs/s:job-2", "/executionInfo/poolId"),
                "film_00000001",
                "{version} {job}"
            );
        }
    }
}

//! Pools that scale by a formula: P15 to P18. The language itself is tested beside its code.

use azbatch::{
    Account, ETag, Effect, Fact, Instruction, Timestamp,
    job::{PoolInfo, TerminateJob},
    node::NodeEvent,
    pool::{
        AddPool, AutoScale, AutoScaleSettings, EnableAutoScale, EvaluationInterval, NodeCounts, NodeFillType,
        PoolFact, PoolSample, PoolSpecification,
    },
    task::Properties,
};
use serde_json::{Value, json};

use super::{World, dedicated, plain, refusal, s};
use crate::world::{NEWEST, URL, World as RestWorld, brief, id, secs};

const MINUTE: u64 = 60;

impl World {
    fn scale_by(&mut self, formula: &str) -> String {
        self.enable_with(Some(formula), None)
    }

    fn enable_with(&mut self, formula: Option<&str>, seconds: Option<u64>) -> String {
        let interval = seconds.map(|seconds| secs(seconds).try_into().unwrap());
        let command = EnableAutoScale {
            formula: formula.map(id),
            evaluation_interval: interval,
            ..EnableAutoScale::default()
        };
        self.call(|account, now| account.enable_auto_scale(&id("pool"), &command, now).map_err(refusal))
    }

    fn disable_auto_scale(&mut self) -> String {
        self.call(|account, now| account.disable_auto_scale(&id("pool"), now).map_err(refusal))
    }

    fn auto_scale(&self) -> &AutoScale {
        self.pool().auto_scale().unwrap()
    }

    /// The results of the latest run.
    fn results(&self) -> &str {
        &self.auto_scale().run().unwrap().results
    }

    fn latest_sample(&self) -> PoolSample {
        *self.auto_scale().samples().next_back().unwrap()
    }
}

/// A typed world at second 0, whose pool `pool` was added a minute before, with so many nodes.
fn with_nodes(nodes: u32) -> World {
    let mut world = World::bare();
    world.now = Timestamp::from_ticks(s(0).ticks() - secs(60).ticks()).unwrap();
    world.add_pool("pool", dedicated(nodes), 1, NodeFillType::Spread);
    for number in 1..=nodes {
        world.add_node("pool", &format!("n{number}"));
    }
    assert_eq!(world.tick(), "PoolSteady");
    world.at(0);
    world
}

/// A pool `p` without nodes that does not scale yet.
fn with_pool() -> RestWorld {
    let mut world = RestWorld::new();
    assert_eq!(world.send("POST /pools", r#"{"id":"p","vmSize":"small"}"#).told(), "201");
    assert_eq!(brief(&world.tick()), ["PoolSteady"]);
    world
}

fn scaling(formula: &str) -> String {
    json!({ "id": "p", "vmSize": "small", "enableAutoScale": true, "autoScaleFormula": formula }).to_string()
}

/// P15, P16, P17: a recorded conversation: enabling, evaluating and disabling, with what is shown.
#[test]
fn a_formula_is_enabled_evaluated_and_disabled() {
    let mut world = with_pool();
    let body = r#"{"autoScaleFormula":"$TargetDedicatedNodes=0","autoScaleEvaluationInterval":"PT8M"}"#;
    let enabled = world.send("POST /pools/p/enableautoscale", body);
    assert_eq!((enabled.told().as_str(), enabled.text()), ("200", ""));
    assert_eq!(enabled.header("DataServiceId"), Some(format!("{URL}/pools/p/enableautoscale").as_str()));
    assert_eq!(brief(&enabled.effects), ["PoolAutoScaleEnabled", "PoolSampled", "PoolScaled"]);
    let at = json!(world.now.to_string());
    let shown = world.shown("/pools/p");
    assert_eq!(shown["eTag"].as_str(), enabled.header("ETag"));
    for name in ["lastModified", "allocationStateTransitionTime"] {
        assert_eq!(shown[name], at, "{name}");
    }
    let results = "$TargetDedicatedNodes=0;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue";
    assert_eq!(shown["autoScaleRun"], json!({ "timestamp": at, "results": results }));
    assert_eq!(
        [&shown["allocationState"], &shown["enableAutoScale"], &shown["autoScaleFormula"]],
        [&json!("resizing"), &json!(true), &json!("$TargetDedicatedNodes=0")]
    );
    assert_eq!(shown["autoScaleEvaluationInterval"], "PT8M");

    let evaluated =
        world.send("POST /pools/p/evaluateautoscale", r#"{"autoScaleFormula":"$TargetDedicatedNodes=1"}"#);
    assert_eq!((evaluated.told().as_str(), evaluated.effects.len()), ("200", 0));
    let expected = [
        "{".into(),
        format!(
            "  \"odata.metadata\":\"{URL}/$metadata#Microsoft.Azure.Batch.Protocol.Entities.AutoScaleRun\",\
            \"timestamp\":\"{}\",\"results\":\"{}\"",
            world.now,
            results.replace("dNodes=0;$TargetL", "dNodes=1;$TargetL")
        ),
        "}".into(),
    ];
    assert_eq!(evaluated.text(), expected.join("\r\n"));
    assert_eq!(evaluated.header("DataServiceId"), Some(format!("{URL}/pools/p/evaluateautoscale").as_str()));
    assert_eq!(evaluated.header("ETag"), None);
    assert_eq!(world.value("/pools/p", "/targetDedicatedNodes"), 0);

    let disabled = world.send("POST /pools/p/disableautoscale", "");
    assert_eq!(
        (disabled.told().as_str(), brief(&disabled.effects)),
        ("200", vec!["PoolAutoScaleDisabled".into()])
    );
    let shown = world.shown("/pools/p");
    assert_eq!(shown["eTag"].as_str(), disabled.header("ETag"));
    assert_ne!(disabled.header("ETag"), enabled.header("ETag"));
    assert_eq!((&shown["allocationState"], &shown["enableAutoScale"]), (&json!("resizing"), &json!(false)));
    for name in ["autoScaleFormula", "autoScaleEvaluationInterval", "autoScaleRun"] {
        assert_eq!(shown[name], Value::Null, "{name}");
    }
    world.tick();
    assert_eq!(world.value("/pools/p", "/allocationState"), "steady");
    assert_eq!(world.account.deadline(), None, "nothing is sampled any more");
}

/// P15, P16: a pool that scales from its creation on.
#[test]
fn a_pool_can_be_added_with_a_formula() {
    let mut world = RestWorld::new();
    let added = world.send("POST /pools", scaling("$TargetDedicatedNodes = 2; $TargetLowPriorityNodes = 1;"));
    assert_eq!(added.told(), "201");
    assert_eq!(brief(&added.effects), ["PoolAdded", "PoolSampled", "PoolScaled", "AddNodes"]);
    let shown = world.shown("/pools/p");
    assert_eq!(shown["autoScaleEvaluationInterval"], "PT15M");
    assert_eq!(shown["autoScaleRun"]["timestamp"], shown["creationTime"]);
    assert_eq!(shown["eTag"].as_str(), added.header("ETag"), "one instant, one ETag");
    assert_eq!((&shown["targetDedicatedNodes"], &shown["targetLowPriorityNodes"]), (&json!(2), &json!(1)));
    world.obey(added.effects);
    assert_eq!(world.value("/pools/p", "/allocationState"), "steady");
    assert_eq!(world.value("/pools/p", "/currentDedicatedNodes"), 2);
}

/// P15: what a body cannot say together, and where the limits are.
#[test]
fn a_bad_scaling_is_refused() {
    let mut world = with_pool();
    let pool = |more: Value| {
        let mut body = json!({ "id": "q", "vmSize": "small" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, told, property) in [
        (json!({ "enableAutoScale": true }), "400 MissingRequiredProperty", "autoScaleFormula"),
        (json!({ "autoScaleFormula": "" }), "400 InvalidPropertyValue", "autoScaleFormula"),
        (
            json!({ "enableAutoScale": false, "autoScaleEvaluationInterval": "PT5M" }),
            "400 InvalidPropertyValue",
            "autoScaleEvaluationInterval",
        ),
        (
            json!({ "enableAutoScale": true, "autoScaleFormula": "", "targetLowPriorityNodes": 0 }),
            "400 InvalidPropertyValue",
            "targetLowPriorityNodes",
        ),
        (
            json!({ "enableAutoScale": true, "autoScaleFormula": "1 +" }),
            "400 AutoScalingFormulaSyntaxError",
            "",
        ),
        (
            json!({ "enableAutoScale": true, "autoScaleFormula": " ".repeat(8193) }),
            "400 AutoScalingFormulaTooLong",
            "",
        ),
    ] {
        let reply = world.send("POST /pools", pool(body.clone()));
        assert_eq!((reply.told(), reply.said("PropertyName")), (told.into(), property.into()), "{body}");
    }
    let line = "POST /pools/p/enableautoscale";
    for (interval, told) in [
        ("PT4M59S", "400 InvalidPropertyValue"),
        ("P7DT1S", "400 InvalidPropertyValue"),
        ("PT168H", "400 InvalidAutoScalingSettings"),
    ] {
        let reply = world.send(line, json!({ "autoScaleEvaluationInterval": interval }));
        assert_eq!(reply.told(), told, "{interval}");
    }
    assert_eq!(world.send(line, "{}").told(), "400 MissingRequiredProperty");
    assert_eq!(world.send(line, r#"{"autoScaleFormula":"1 +"}"#).told(), "400 AutoScalingFormulaSyntaxError");
    let formula = r#"{"autoScaleFormula":"x = 1"}"#;
    let unmet = [("If-None-Match", "*")];
    assert_eq!(world.send_with(line, formula, &unmet).told(), "412 ConditionNotMet");
    assert_eq!(world.send("POST /pools/q/enableautoscale", formula).told(), "404 PoolNotFound");
    let evaluated = world.send("POST /pools/p/evaluateautoscale", formula);
    assert_eq!(evaluated.told(), "409 OperationInvalidForCurrentState");
    world.send("POST /pools/p/resize", r#"{"targetDedicatedNodes":1}"#);
    assert_eq!(world.send(line, formula).told(), "409 PoolBeingResized");
    assert_eq!(world.send("POST /pools/p/stopresize", "").told(), "202");
    assert_eq!(world.send(line, formula).told(), "409 PoolBeingResized");
    world.tick();
    assert_eq!(world.send(line, formula).told(), "200");
    assert_eq!(
        world.send("POST /pools/p/resize", r#"{"targetDedicatedNodes":1}"#).told(),
        "409 OperationNotValidOnPool"
    );
    world.send("DELETE /pools/p", "");
    for line in ["enableautoscale", "disableautoscale", "evaluateautoscale"] {
        let body = if line == "disableautoscale" { "" } else { formula };
        let reply = world.send(&format!("POST /pools/p/{line}"), body);
        assert_eq!(reply.told(), "409 PoolBeingDeleted", "{line}");
    }
    assert_eq!(world.account.deadline(), Some(Timestamp::MIN), "only its end is due");
}

/// P15, P17: another formula keeps the schedule, another interval begins a new one, and neither comes
/// within 30 seconds.
#[test]
fn an_enabled_formula_can_be_replaced() {
    let mut world = with_nodes(0);
    let minute = |minutes| s(minutes * MINUTE);
    assert_eq!(world.enable_with(Some("a = 1"), Some(600)), "PoolAutoScaleEnabled, PoolSampled, PoolScaled");
    for second in [0, 29] {
        assert_eq!(world.at(second).scale_by("b = 1"), "503 TooManyEnableAutoScaleRequests");
    }
    assert_eq!(world.at(4 * MINUTE).scale_by("b = 1"), "PoolAutoScaleEnabled, PoolSampled, PoolScaled");
    assert_eq!(world.auto_scale().settings().formula.as_str(), "b = 1");
    assert!(world.results().ends_with("requeue;b=1"), "{}", world.results());
    assert_eq!(world.auto_scale().settings().evaluation_interval.get(), secs(600));
    assert_eq!(world.at(10 * MINUTE - 1).tick(), "PoolSteady, PoolSampled");
    assert_eq!(world.at(10 * MINUTE).tick(), "PoolScaled", "as at first");
    assert_eq!(world.auto_scale().run().unwrap().timestamp, minute(10));

    assert_eq!(
        world.at(12 * MINUTE).enable_with(None, Some(300)),
        "PoolAutoScaleEnabled, PoolSampled, PoolScaled"
    );
    assert_eq!(world.auto_scale().settings().formula.as_str(), "b = 1");
    assert_eq!(world.at(17 * MINUTE - 1).tick(), "PoolSteady, PoolSampled");
    assert_eq!(world.at(17 * MINUTE).tick(), "PoolScaled", "from the request on");
    assert_eq!(world.at(18 * MINUTE).disable_auto_scale(), "PoolAutoScaleDisabled");
    assert_eq!(world.tick(), "PoolSteady");
    assert_eq!(world.disable_auto_scale(), "PoolAutoScaleDisabled", "once more");
    assert_eq!(world.pool().auto_scale(), None);
}

/// P16, P6: at each interval the pool gets the nodes that the formula asks for.
#[test]
fn a_pool_follows_its_tasks() {
    let mut world = with_nodes(0);
    let formula = "$TargetDedicatedNodes = min(3, $PendingTasks.GetSample(1));
        $NodeDeallocationOption = taskcompletion;";
    assert_eq!(world.enable_with(Some(formula), Some(300)), "PoolAutoScaleEnabled, PoolSampled, PoolScaled");
    assert_eq!(world.tick(), "PoolSteady");
    world.add_job("job", plain);
    world.add("a");
    world.add("b");
    assert_eq!(world.pool().target(), dedicated(0), "before the interval is over");
    assert_eq!(world.at(300).tick(), "PoolSampled, PoolScaled, AddNodes");
    assert_eq!(world.latest(), Instruction::AddNodes { pool: id("pool"), nodes: dedicated(2) });
    assert_eq!((world.pool().target(), world.pool().etag()), (dedicated(2), ETag::from(s(300))));
    assert_eq!(world.shown("/pools/pool", "allocationState"), "resizing");
    world.add_node("pool", "n1");
    assert_eq!(world.node("n1", NodeEvent::Removed), "NodeRemoved n1, AddNodes", "P2");
    world.add_node("pool", "n1");
    world.add("c");

    // One node is still on its way, so that one more is asked for, and no more.
    assert_eq!(world.at(600).tick(), "PoolSampled, PoolScaled, AddNodes");
    assert_eq!(world.latest(), Instruction::AddNodes { pool: id("pool"), nodes: dedicated(1) });
    assert_eq!(world.at(900).tick(), "PoolSampled, PoolScaled");
    assert_eq!(world.pool().etag(), ETag::from(s(600)), "nothing is resized");
    world.add_node("pool", "n2");
    world.add_node("pool", "n3");
    assert_eq!(world.at(901).tick(), "PoolSteady");
    for (task, node) in [("a", "n1"), ("b", "n2"), ("c", "n3")] {
        world.run_added(task, node);
    }
    world.say("n1", "task a ended 0");
    world.say("n3", "task c ended 0");
    assert_eq!(
        world.at(1200).tick(),
        "PoolSampled, PoolScaled, NodeActionRequested n1, NodeActionRequested n3"
    );
    assert_eq!(world.tick(), "RemoveNode n1, RemoveNode n3");
    for node in ["n1", "n3"] {
        world.node(node, NodeEvent::Removed);
    }
    assert_eq!(world.tick(), "PoolSteady");
    world.say("n2", "task b ended 0");
    assert_eq!(world.at(1500).tick(), "PoolSampled, PoolScaled, NodeActionRequested n2");
    assert_eq!(
        world.results(),
        "$TargetDedicatedNodes=0;$TargetLowPriorityNodes=0;$NodeDeallocationOption=taskcompletion"
    );
}

/// P16: what becomes of the tasks on nodes that leave, and how the pool is filled.
#[test]
fn the_formula_says_what_becomes_of_tasks_and_how_nodes_are_filled() {
    for (option, stopped) in [("requeue", ", StopTask a n1"), ("taskcompletion", "")] {
        let mut world = with_nodes(1);
        world.add_job("job", plain);
        world.run("a", "n1");
        let formula =
            format!("$TargetDedicatedNodes = 0; $NodeDeallocationOption = {option}; $NodeFillType = pack");
        let told = "PoolAutoScaleEnabled, PoolSampled, PoolScaled, NodeActionRequested n1";
        assert_eq!(world.scale_by(&formula), format!("{told}{stopped}"));
        assert_eq!(world.pool().specification().node_fill_type, NodeFillType::Pack);
    }
}

/// P2, P15: a formula that fails leaves the pool its target, but enabling it made the pool `resizing`, so the host is
/// told which nodes are missing.
#[test]
fn a_pool_whose_formula_fails_gets_the_nodes_that_it_lacks() {
    let mut world = with_nodes(2);
    world.node("n2", NodeEvent::Removed);
    assert_eq!(world.account.outstanding(), [], "a steady pool waits for none");
    world.scale_by("$TargetDedicatedNodes = $CPUPercent.GetSample(1);");
    assert!(world.auto_scale().run().unwrap().error.is_some());
    let more = Instruction::AddNodes { pool: id("pool"), nodes: dedicated(1) };
    assert_eq!(world.latest(), more);
    assert_eq!(world.account.outstanding(), [more]);
}

/// P16: an evaluation that fails shows why, and changes nothing else.
#[test]
fn an_evaluation_that_fails_changes_only_the_run() {
    let mut world = with_nodes(1);
    let formula = "$NodeFillType = pack;\n$TargetDedicatedNodes = 5;\n  x = $RunningTasks.GetSample(TimeInterval_Minute * 2, 70);";
    assert_eq!(world.enable_with(Some(formula), Some(300)), "PoolAutoScaleEnabled, PoolSampled, PoolScaled");
    assert_eq!(world.pool().target(), dedicated(1));
    assert_eq!(world.pool().specification().node_fill_type, NodeFillType::Spread);
    assert_eq!(
        world.shown("/pools/pool", "autoScaleRun/error"),
        json!({
            "code": "InsufficientSampleData",
            "message": "Autoscale evaluation failed due to insufficient sample data",
            "values": [{
                "name": "Message",
                "value": "Line 3, Col 7: Insufficient data from data set: $RunningTasks wanted 70%, received 25%",
            }],
        })
    );
    assert_eq!(world.tick(), "PoolSteady");
    for second in [30, 60, 90, 270] {
        assert_eq!(world.at(second).tick(), "PoolSampled");
    }
    assert_eq!(world.at(300).tick(), "PoolSampled, PoolScaled");
    let etag = world.pool().etag();
    assert_eq!((world.pool().target(), etag), (dedicated(1), ETag::from(s(0))), "two of four samples");
    for second in [330, 360, 390, 420, 450, 480, 510, 540, 570] {
        assert_eq!(world.at(second).tick(), "PoolSampled");
    }
    assert_eq!(world.at(600).tick(), "PoolSampled, PoolScaled, AddNodes");
    assert_eq!(world.shown("/pools/pool", "autoScaleRun/error"), Value::Null);
    assert_eq!((world.pool().target(), world.pool().etag()), (dedicated(5), ETag::from(s(600))));
}

/// P17: a wrong formula is evaluated too, as recorded.
#[test]
fn a_wrong_formula_is_answered_with_its_error() {
    let mut world = RestWorld::new();
    let added = world.send("POST /pools", scaling("$TargetDedicatedNodes = 2"));
    world.obey(added.effects);
    let results = "$TargetDedicatedNodes=2;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue";
    for (formula, what) in [
        ("$something_useless", "Line 1, Col 1: `$something_useless` is not defined"),
        ("$TargetDedicatedNodes = 5;\nx = ", "Line 2, Col 5: expected a value, found the end of the formula"),
        ("$TargetDedicatedNodes = 5; y", "Line 1, Col 28: `y` is not defined"),
    ] {
        let reply = world.send("POST /pools/p/evaluateautoscale", json!({ "autoScaleFormula": formula }));
        assert_eq!(reply.told(), "200", "{formula}");
        let body = reply.json();
        assert_eq!(body["results"], results, "{formula}");
        assert_eq!(body["error"]["code"], "AutoScalingFormulaEvaluationError", "{formula}");
        assert_eq!(body["error"]["values"], json!([{ "name": "Message", "value": what }]), "{formula}");
    }
    let long = json!({ "autoScaleFormula": " ".repeat(8193) });
    assert_eq!(world.send("POST /pools/p/evaluateautoscale", long).told(), "400 AutoScalingFormulaTooLong");
    assert_eq!(world.send("POST /pools/p/evaluateautoscale", "{}").told(), "400 MissingRequiredProperty");
    let old = format!("POST /pools/p/evaluateautoscale?api-version={NEWEST}&timeout=1");
    assert_eq!(world.send(&old, r#"{"autoScaleFormula":""}"#).told(), "200");
}

/// P18, S3: what is counted, and when.
#[test]
fn tasks_and_nodes_are_counted_every_30_seconds() {
    let target = NodeCounts { dedicated: 2, low_priority: 1 };
    let mut world = World::with_pool(target, 1, NodeFillType::Spread);
    world.add_job("job", |specification, _| specification.uses_task_dependencies = true);
    world.add_job("ended", plain);
    world.add_job("elsewhere", |_, settings| settings.pool = PoolInfo::Named(id("other")));
    world.add_to("ended", "never");
    world.add_to("elsewhere", "t");
    world.ran("succeeded", "n1", 0);
    world.ran("failed", "n1", 1);
    world.run("running", "n1");
    world.add("active");
    world.add_with("blocked", |specification, _| {
        specification.depends_on = Some(super::depends_on(&["active"], &[]));
    });
    world
        .call(|account, now| Ok(account.terminate_job(&id("ended"), &TerminateJob::by_user(), now).unwrap()));
    assert_eq!(world.account.deadline(), Some(Timestamp::MIN), "the job's end is due");
    world.tick();
    assert!(world.account.deadline() > Some(s(86_400)), "no pool is sampled that does not scale");
    world.at(100).scale_by(
        "a = $TaskSlotsPerNode; b = $UsableNodeCount; c = $SampleNodeCount; d = $CPUPercent.Count();",
    );
    let expected = PoolSample {
        at: s(100),
        active_tasks: 1,
        running_tasks: 1,
        succeeded_tasks: 1,
        failed_tasks: 1,
        dedicated_nodes: 2,
        low_priority_nodes: 1,
        preempted_nodes: 0,
        usable_nodes: 3,
    };
    assert_eq!(world.latest_sample(), expected);
    assert!(world.results().ends_with(";a=1;b=3;c=3;d=0"), "{}", world.results());
    assert_eq!(world.tick(), "PoolSteady");
    assert_eq!(world.account.deadline(), Some(s(130)));
    world.node("n3", NodeEvent::Preempted);
    assert_eq!(world.at(129).tick(), "");
    assert_eq!(world.at(131).tick(), "PoolSampled");
    assert_eq!(
        world.latest_sample(),
        PoolSample { at: s(131), preempted_nodes: 1, usable_nodes: 2, ..expected }
    );
    assert_eq!(world.account.deadline(), Some(s(161)), "thirty seconds after that");
    assert_eq!(world.at(50).tick(), "", "the clock runs backwards");
    assert_eq!(world.at(1000).tick(), "PoolSampled, PoolScaled", "a late tick counts once");
    assert_eq!(world.auto_scale().samples().len(), 3);
    world.delete_pool("pool");
    assert!(!world.at(2000).tick().contains("PoolSampled"), "a pool that is being deleted is not counted");
}

/// P18: the samples of a day are kept.
#[test]
fn samples_do_not_pile_up() {
    let mut account = Account::new(URL);
    let mut now = s(0);
    let specification = PoolSpecification {
        id: id("p"),
        task_slots_per_node: 1,
        node_fill_type: NodeFillType::Spread,
        other: Properties::new(),
    };
    let auto_scale =
        AutoScaleSettings { formula: id("x = 1"), evaluation_interval: EvaluationInterval::DEFAULT };
    let command =
        AddPool { specification: specification.into(), target: dedicated(0), auto_scale: Some(auto_scale) };
    let _ = account.add_pool(&command, now).unwrap();
    for _ in 0..AutoScale::MAX_SAMPLES + 5 {
        now = account.deadline().unwrap().max(now);
        let _ = account.tick(now);
    }
    let samples = account.pool(&id("p")).unwrap().auto_scale().unwrap().samples();
    assert_eq!(samples.len(), AutoScale::MAX_SAMPLES);
    account.check().unwrap();
}

/// P16, T5: after the end of time nothing is due any more.
#[test]
fn the_end_of_time_is_the_end_of_scaling() {
    let mut world = RestWorld::new();
    world.now = Timestamp::from_ticks(Timestamp::MAX.ticks() - secs(20).ticks()).unwrap();
    let added = world.send("POST /pools", scaling("$TargetDedicatedNodes = $TargetDedicatedNodes + 1"));
    world.obey(added.effects);
    assert_eq!(world.account.deadline(), None);
    let late = world.call(|account, _| account.tick(Timestamp::MAX));
    assert_eq!(late, []);
}

/// P16, I5: facts that do not fit are refused.
#[test]
fn a_fact_of_scaling_that_does_not_fit_is_refused() {
    let mut world = RestWorld::new();
    let added = world.send("POST /pools", scaling("$TargetDedicatedNodes = 1"));
    let scaling: Vec<Fact> = Effect::facts(&added.effects).skip(1).cloned().collect();
    let mut fixed = with_pool().account;
    for fact in &scaling {
        assert!(fixed.try_apply(fact).is_err(), "{fact}");
    }
    let [Fact::Pool(_, PoolFact::Sampled { sample }), ..] = &scaling[..] else { panic!("{scaling:?}") };
    let before = world.account.clone();
    let earlier = Timestamp::from_ticks(sample.at.ticks() - 1).unwrap();
    let old = PoolSample { at: earlier, ..*sample };
    assert!(world.account.try_apply(&Fact::Pool(id("p"), PoolFact::Sampled { sample: old })).is_err());
    assert_eq!(world.account, before);
    assert_eq!(
        scaling[1].to_string(),
        "pool p: its formula resizes it to 1 dedicated and 0 low-priority nodes"
    );
}

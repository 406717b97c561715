mod print;

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use print::Printed;

use super::{
    error::Position,
    tree::{Binary, Expression, Kind, Member, Statement, Unary},
    *,
};
use crate::{Timestamp, node::NodeTasks, pool::NodeCounts};

/// Tuesday. Some metrics have had one value for so many samples, each 30 s apart, the last one now.
struct World {
    target: NodeCounts,
    series: BTreeMap<Metric, Vec<f64>>,
}

impl World {
    fn new(series: &[(Metric, Vec<f64>)]) -> Self {
        let target = NodeCounts { dedicated: 4, low_priority: 1 };
        Self { target, series: series.iter().cloned().collect() }
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap()
}

impl Metrics for World {
    fn now(&self) -> Timestamp {
        at("2026-02-10T08:30:00.1234567Z")
    }

    fn target(&self) -> NodeCounts {
        self.target
    }

    fn samples(&self, metric: Metric) -> Vec<Sample> {
        let values = self.series.get(&metric).map(Vec::as_slice).unwrap_or_default();
        let ages = (0..values.len() as u64).rev();
        let at = |age| Timestamp::from_ticks(self.now().ticks() - age * 300_000_000).unwrap();
        ages.zip(values).map(|(age, value)| Sample { at: at(age), value: *value }).collect()
    }
}

/// Two hours of samples of the tasks, and of the nodes that there are.
fn busy() -> World {
    World::new(&[
        (Metric::ActiveTasks, vec![8.0; 240]),
        (Metric::RunningTasks, vec![2.0; 240]),
        (Metric::PendingTasks, vec![10.0; 240]),
        (Metric::CurrentDedicatedNodes, vec![4.0; 240]),
        (Metric::PreemptedNodeCount, vec![0.0, 3.0]),
        (Metric::TaskSlotsPerNode, vec![4.0]),
    ])
}

fn evaluate(text: &str, world: &World) -> Evaluation {
    Formula::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).evaluate(world)
}

/// The results without what every evaluation shows, or the error.
fn of(text: &str) -> String {
    let evaluation = evaluate(text, &busy());
    let results = evaluation.results();
    let own = results.splitn(4, ';').nth(3).unwrap_or_default().into();
    evaluation.error.map_or(own, |error| error.what)
}

/// The value of an expression, or what is wrong with it.
fn value(expression: &str) -> String {
    let told = of(&format!("x = {expression};"));
    told.strip_prefix("x=").map_or(told.clone(), Into::into)
}

/// P12, P14: the formulas of the documentation, with what they come to.
#[test]
#[allow(clippy::too_many_lines, reason = "it is a table")]
fn the_documented_formulas() {
    let idle = World::new(&[
        (Metric::ActiveTasks, vec![0.0; 240]),
        (Metric::RunningTasks, vec![0.0; 240]),
        (Metric::PendingTasks, vec![0.0; 240]),
        (Metric::CpuPercent, vec![0.1; 240]),
        (Metric::CurrentDedicatedNodes, vec![10.0; 240]),
    ]);
    let (busy, empty) = (busy(), World::new(&[]));
    let by_time = "$curTime = time();
        $workHours = $curTime.hour >= 8 && $curTime.hour < 18;
        $isWeekday = $curTime.weekday >= 1 && $curTime.weekday <= 5;
        $isWorkingWeekdayHour = $workHours && $isWeekday;
        $TargetDedicatedNodes = $isWorkingWeekdayHour ? 20:10;
        $NodeDeallocationOption = taskcompletion;";
    let by_pending_tasks = "startingNumberOfVMs = 1;
        maxNumberofVMs = 25;
        pendingTaskSamplePercent = $PendingTasks.GetSamplePercent(180 * TimeInterval_Second);
        pendingTaskSamples = pendingTaskSamplePercent < 70 ? startingNumberOfVMs : avg($PendingTasks.GetSample(180 * TimeInterval_Second));
        $TargetDedicatedNodes=min(maxNumberofVMs, pendingTaskSamples);
        $NodeDeallocationOption = taskcompletion;";
    let by_preempted_nodes = "maxNumberofVMs = 25;
        $TargetDedicatedNodes = min(maxNumberofVMs, $PreemptedNodeCount.GetSample(180 * TimeInterval_Second));
        $TargetLowPriorityNodes = min(maxNumberofVMs , maxNumberofVMs - $TargetDedicatedNodes);
        $NodeDeallocationOption = taskcompletion;";
    let by_tasks = "// Get pending tasks for the past 15 minutes.
        $samples = $PendingTasks.GetSamplePercent(TimeInterval_Minute * 15);
        // With too few samples, the last one.
        $tasks = $samples < 70 ? max(0,$PendingTasks.GetSample(1)) : max( $PendingTasks.GetSample(1), avg($PendingTasks.GetSample(TimeInterval_Minute * 15)));
        $targetVMs = $tasks > 0? $tasks:max(0, $TargetDedicatedNodes/2);
        $TargetDedicatedNodes = max(0, min($targetVMs, 20));
        $NodeDeallocationOption = taskcompletion;";
    let by_parallel_tasks = "$samples = $ActiveTasks.GetSamplePercent(TimeInterval_Minute * 15);
        $tasks = $samples < 70 ? max(0,$ActiveTasks.GetSample(1)) : max( $ActiveTasks.GetSample(1),avg($ActiveTasks.GetSample(TimeInterval_Minute * 15)));
        $cores = $TargetDedicatedNodes * 4;
        $extraVMs = (($tasks - $cores) + 3) / 4;
        $targetVMs = ($TargetDedicatedNodes + $extraVMs);
        $TargetDedicatedNodes = max(0,min($targetVMs,3));
        $NodeDeallocationOption = taskcompletion;";
    let initially = "$TargetDedicatedNodes = 4;
        lifespan         = time() - time(\"Tue, 10 Feb 2026 08:10:00 GMT\");
        span             = TimeInterval_Minute * 60;
        startup          = TimeInterval_Minute * 10;
        ratio            = 50;
        $TargetDedicatedNodes = (lifespan > startup ? (max($RunningTasks.GetSample(span, ratio), $ActiveTasks.GetSample(span, ratio)) == 0 ? 0 : $TargetDedicatedNodes) : 4);";
    let by_cpu = "$totalDedicatedNodes =
            (min($CPUPercent.GetSample(TimeInterval_Minute * 10)) > 0.7) ?
            ($CurrentDedicatedNodes * 1.1) : $CurrentDedicatedNodes;
        $totalDedicatedNodes =
            (avg($CPUPercent.GetSample(TimeInterval_Minute * 60)) < 0.2) ?
            ($CurrentDedicatedNodes * 0.9) : $totalDedicatedNodes;
        $TargetDedicatedNodes = min(400, $totalDedicatedNodes)";
    let oldest = "totalNodes=($CPUPercent.GetSamplePercent(TimeInterval_Minute*0,TimeInterval_Minute*10)<0.7?5:(min($CPUPercent.GetSample(TimeInterval_Minute*0, TimeInterval_Minute*10))>0.8?($CurrentDedicated*1.1):$CurrentDedicated));$TargetDedicated=min(100,totalNodes);";
    let task = "$NodeDeallocationOption=taskcompletion";
    let requeue = "$NodeDeallocationOption=requeue";
    for (formula, world, expected) in [
        (
            by_time,
            &empty,
            format!(
                "20 1 {task};$curTime=2026-02-10T08:30:00.123Z;$isWeekday=1;$isWorkingWeekdayHour=1;$workHours=1"
            ),
        ),
        (
            by_pending_tasks,
            &busy,
            format!(
                "10 1 {task};maxNumberofVMs=25;pendingTaskSamplePercent=100;pendingTaskSamples=10;startingNumberOfVMs=1"
            ),
        ),
        (
            by_pending_tasks,
            &empty,
            format!(
                "1 1 {task};maxNumberofVMs=25;pendingTaskSamplePercent=0;pendingTaskSamples=1;startingNumberOfVMs=1"
            ),
        ),
        (by_preempted_nodes, &busy, format!("0 25 {task};maxNumberofVMs=25")),
        (by_tasks, &busy, format!("10 1 {task};$samples=100;$targetVMs=10;$tasks=10")),
        (by_tasks, &idle, format!("2 1 {task};$samples=100;$targetVMs=2;$tasks=0")),
        (by_tasks, &empty, format!("2 1 {task};$samples=0;$targetVMs=2;$tasks=0")),
        (
            by_parallel_tasks,
            &busy,
            format!("2 1 {task};$cores=16;$extraVMs=-1.25;$samples=100;$targetVMs=2.75;$tasks=8"),
        ),
        (
            initially,
            &busy,
            format!("4 1 {requeue};lifespan=PT20M0.1234567S;ratio=50;span=PT1H;startup=PT10M"),
        ),
        (
            initially,
            &idle,
            format!("0 1 {requeue};lifespan=PT20M0.1234567S;ratio=50;span=PT1H;startup=PT10M"),
        ),
        (by_cpu, &idle, format!("9 1 {requeue};$totalDedicatedNodes=9")),
        (oldest, &empty, format!("5 1 {requeue};totalNodes=5")),
        (oldest, &idle, format!("10 1 {requeue};totalNodes=10")),
        (
            "$TargetDedicatedNodes=1",
            &World { target: NodeCounts::default(), ..World::new(&[]) },
            format!("1 0 {requeue}"),
        ),
        ("$TargetDedicatedNodes = (time().weekday == 1 ? 5:1);", &empty, format!("1 1 {requeue}")),
    ] {
        let evaluation = evaluate(formula, world);
        assert_eq!(evaluation.error, None, "{formula}");
        let (dedicated, rest) = expected.split_once(' ').unwrap();
        let (low_priority, rest) = rest.split_once(' ').unwrap();
        let expected =
            format!("$TargetDedicatedNodes={dedicated};$TargetLowPriorityNodes={low_priority};{rest}");
        assert_eq!(evaluation.results(), expected, "{formula}");
        // It means the same when it is printed.
        let printed = Printed(&Formula::parse(formula).unwrap().statements).to_string();
        assert_eq!(evaluate(&printed, world), evaluation, "{formula}");
    }
}

/// P12: the operators, with the types that they take and yield.
#[test]
fn operators_take_the_documented_types() {
    for (expression, expected) in [
        ("1 + 2 * 3 - 4 / 8", "6.5"),
        ("(1 + 2) * -3", "-9"),
        ("8 / 4 / 2", "1"),
        ("2 - 1 - 1", "0"),
        ("!0 + !3 + !!5", "2"),
        ("1 / 0", "inf"),
        (".5 + 1e3 + 2.5E-1", "1000.75"),
        ("[1, 2] + 1", "[2,3]"),
        ("[1, 2] * [3, 4]", "[3,8]"),
        ("[1, 2] / 2 - [0.5, 0]", "[0,1]"),
        ("vec(1, [2, 3])", "[1,2,3]"),
        ("[]", "[]"),
        ("2 * TimeInterval_Minute", "PT2M"),
        ("TimeInterval_Hour / 4", "PT15M"),
        ("TimeInterval_Hour - 2 * TimeInterval_Hour", "-PT1H"),
        ("-TimeInterval_Day + TimeInterval_Week", "P6D"),
        ("TimeInterval_Year + TimeInterval_Zero", "P365D"),
        ("TimeInterval_100ns * 2 + TimeInterval_Microsecond + TimeInterval_Millisecond", "PT0.0010012S"),
        ("time() + TimeInterval_Second", "2026-02-10T08:30:01.123Z"),
        ("-TimeInterval_Day + time(\"2026-02-10\")", "2026-02-09T00:00:00Z"),
        ("time(\"2026-02-10T10:00:00Z\") - time(\"2026-02-10T09:00:00Z\")", "PT1H"),
        ("1 < 2 == 1", "1"),
        ("\"a\" < \"b\" && \"a\" != \"b\"", "1"),
        ("time() > time(\"2026\") || 0", "1"),
        ("TimeInterval_Day <= TimeInterval_Week", "1"),
        ("TimeInterval_Day >= TimeInterval_Week", "0"),
        ("0 / 0 == 0 / 0", "0"),
        ("0 / 0 != 0 / 0", "1"),
        ("1 || 1 && 0", "1"),
        ("0 ? 1 : 0 ? 2 : 3", "3"),
        ("1 ? 0 ? 1 : 2 : 3", "2"),
        ("1 - 1 ? 1 : 2", "2"),
        ("1 || nothing", "1"),
        ("0 && nothing", "0"),
        ("1 ? 2 : nothing", "2"),
        ("1 + [1]", "`+` does not take a double and a doubleVec"),
        ("[1, 2] + [1]", "the vectors have different lengths"),
        ("[1] == [1]", "`==` does not take a doubleVec and a doubleVec"),
        ("\"a\" + \"b\"", "`+` does not take a string and a string"),
        ("time() - TimeInterval_Day", "`-` does not take a timestamp and a timeinterval"),
        ("time() + time()", "`+` does not take a timestamp and a timestamp"),
        ("1 / TimeInterval_Day", "`/` does not take a double and a timeinterval"),
        ("TimeInterval_Day / TimeInterval_Day", "`/` does not take a timeinterval and a timeinterval"),
        ("!TimeInterval_Day", "`!` does not take a timeinterval"),
        ("-time()", "`-` does not take a timestamp"),
        ("1 && TimeInterval_Day", "`&&` does not take a double and a timeinterval"),
        ("TimeInterval_Day || 1", "`||` does not take a timeinterval and a double"),
        ("time() ? 1 : 2", "a condition cannot be a timestamp"),
        ("time() + TimeInterval_Year * 9000", "the timestamp is out of range"),
        ("TimeInterval_Year * 1e30", "the timeinterval is out of range"),
        ("TimeInterval_Year / 0", "the timeinterval is out of range"),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

/// P12, P13: the functions.
#[test]
fn functions_yield_what_is_documented() {
    for (expression, expected) in [
        ("avg(1, [2, 3])", "2"),
        ("avg([1, 2, 3], 7) == avg(1, 2, 3, 7)", "1"),
        ("len()", "0"),
        ("len([1, 2], 3)", "3"),
        ("lg(8)", "3"),
        ("lg([8, 2])", "[3,1]"),
        ("lg(8, 2)", "[3,1]"),
        ("lg(vec(8))", "[3]"),
        ("ln(1)", "0"),
        ("log([100, 10])", "[2,1]"),
        ("max(1, [5, 2])", "5"),
        ("min(1, [5, 2])", "1"),
        ("norm(3, 4)", "5"),
        ("percentile([4, 1, 3, 2], 50)", "2"),
        ("percentile([4, 1, 3, 2], 100)", "4"),
        ("percentile([4, 1, 3, 2], 0)", "1"),
        ("range(1, [5, 2])", "4"),
        ("round(2.5) + round(-2.5)", "0"),
        ("round([1.4, 1.5])", "[1,2]"),
        ("ceil(1.2) - floor(1.8)", "1"),
        ("std(2, 4, 4, 4, 5, 5, 7, 9) > 2.138 && std(2, 4, 4, 4, 5, 5, 7, 9) < 2.139", "1"),
        ("std(1, 3) > 1.41 && std(1, 3) < 1.42", "1"),
        ("std(5)", "0"),
        ("!0", "1"),
        ("!2", "0"),
        ("time() - time()", "PT0S"),
        ("sum()", "0"),
        ("sum(1, [2, 3])", "6"),
        ("time(\"\") == time()", "1"),
        ("time(\"2026\")", "2026-01-01T00:00:00Z"),
        ("time(\"2026-02\")", "2026-02-01T00:00:00Z"),
        ("time(\"2026-02-10T08:30+01:00\")", "2026-02-10T07:30:00Z"),
        ("time(\"Tue, 10 Feb 2026 08:30:00 GMT\").minute", "30"),
        ("time().year", "2026"),
        ("time().month", "2"),
        ("time().day", "10"),
        ("time().weekday", "2"),
        ("time(\"2026-02-08\").weekday", "0"),
        ("time().hour", "8"),
        ("time().second", "0"),
        ("val([7, 8], 1)", "8"),
        ("rand() >= 0 && rand() < 1", "1"),
        ("rand() == rand()", "0"),
        ("avg()", "`avg` needs at least one value"),
        ("max([])", "`max` needs at least one value"),
        ("sum(\"a\")", "`sum` does not take (string)"),
        ("val([7, 8], 2)", "there is no such element"),
        ("val([7, 8], -1)", "there is no such element"),
        ("val(7, 0)", "`val` does not take (double, double)"),
        ("percentile([], 50)", "there is no such percentile"),
        ("percentile([1], 101)", "there is no such percentile"),
        ("time(\"now\")", "`now` is not a timestamp"),
        ("time(\"2026-02-10T08:30:00.123456789Z\")", "`2026-02-10T08:30:00.123456789Z` is not a timestamp"),
        ("time(1)", "`time` does not take (double)"),
        ("stop(1)", "there is no function `stop`"),
        ("nothing(1)", "there is no function `nothing`"),
        ("time().week", "a timestamp has no member `week`"),
        ("time().hour()", "a timestamp has no member `hour`"),
        ("nothing", "`nothing` is not defined"),
        ("$something_useless", "`$something_useless` is not defined"),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

/// P13: every form of asking for samples.
#[test]
fn samples_are_selected_by_count_and_by_time() {
    let numbers: Vec<f64> = (1..=20).map(f64::from).collect();
    let world = World::new(&[(Metric::ActiveTasks, numbers)]);
    let minute_ago = "time(\"2026-02-10T08:29:00.1234567Z\")";
    for (expression, expected) in [
        ("GetSample(1)", "[20]"),
        ("GetSample(3)", "[18,19,20]"),
        ("GetSample(0)", "[]"),
        ("GetSample(1000) == 1", "`==` does not take a doubleVec and a double"),
        ("GetSample(-1)", "the number of samples is out of range"),
        ("GetSample(TimeInterval_Minute * 1.5)", "[18,19,20]"),
        ("GetSample(TimeInterval_Zero)", "[]"),
        ("GetSample(1 * TimeInterval_Minute, 3 * TimeInterval_Minute)", "[15,16,17,18]"),
        ("GetSample(3 * TimeInterval_Minute, 1 * TimeInterval_Minute)", "[15,16,17,18]"),
        (&format!("GetSample({minute_ago})"), "[19,20]"),
        (&format!("GetSample({minute_ago}, 2 * TimeInterval_Minute)"), "[17,18]"),
        ("GetSample(TimeInterval_Minute * 2, 100)", "[17,18,19,20]"),
        ("GetSample(TimeInterval_Minute * 2, time(), 100)", "[17,18,19,20]"),
        ("GetSample(TimeInterval_Minute * 20, 50) == 1", "`==` does not take a doubleVec and a double"),
        (
            "GetSample(TimeInterval_Minute * 20, 51)",
            "Insufficient data from data set: $ActiveTasks wanted 51%, received 50%",
        ),
        (
            "GetSample(TimeInterval_Minute * 20, TimeInterval_Zero, 95)",
            "Insufficient data from data set: $ActiveTasks wanted 95%, received 50%",
        ),
        ("GetSamplePercent(TimeInterval_Minute * 20)", "50"),
        ("GetSamplePercent(TimeInterval_Second)", "100"),
        ("GetSamplePercent(TimeInterval_Zero)", "0"),
        ("GetSamplePercent(15 * TimeInterval_Minute, 5 * TimeInterval_Minute)", "50"),
        ("GetSamplePeriod()", "PT30S"),
        ("Count()", "20"),
        ("HistoryBeginTime()", "2026-02-10T08:20:30.123Z"),
        ("GetSample()", "`GetSample` does not take ()"),
        ("GetSample(\"a\")", "a time frame does not begin or end with a string"),
        ("Count(1)", "`Count` does not take (double)"),
        ("GetSamples(1)", "$ActiveTasks has no method `GetSamples`"),
        ("hour", "a sample object has no member `hour`"),
    ] {
        let evaluation = evaluate(&format!("x = $ActiveTasks.{expression};"), &world);
        let results = evaluation.results();
        let shown = results.split_once(";x=").map(|(_, value)| value);
        let told = shown.or(evaluation.error.as_ref().map(|error| error.what.as_str())).unwrap();
        assert_eq!(told, expected, "{expression}");
        let is_insufficient = evaluation.error.as_ref().is_some_and(|error| error.is_insufficient_data);
        assert_eq!(is_insufficient, expected.starts_with("Insufficient"), "{expression}");
    }
    assert_eq!(value("$CPUPercent.Count()"), "0");
    assert_eq!(value("$CPUPercent.GetSample(1)"), "[]");
    assert_eq!(value("$CPUPercent.HistoryBeginTime()"), "there are no samples of $CPUPercent");
}

/// P13: a metric stands for its latest sample where a number is wanted.
#[test]
fn a_metric_is_a_number() {
    for (expression, expected) in [
        ("$CurrentDedicatedNodes * 1.5", "6"),
        ("$CurrentDedicated", "4"),
        ("max(1, $PreemptedNodeCount)", "3"),
        ("$TaskSlotsPerNode > 3 ? $TaskSlotsPerNode : 1", "4"),
        ("-$RunningTasks", "-2"),
        ("$CPUPercent + 1", "there are no samples of $CPUPercent"),
        ("[$CPUPercent]", "there are no samples of $CPUPercent"),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

/// P13: variables are set and read, and what the pool gets comes from the service's own.
#[test]
fn what_a_formula_sets() {
    let target = |text: &str| {
        let evaluation = evaluate(text, &busy());
        (evaluation.target.dedicated, evaluation.target.low_priority, evaluation.error.is_some())
    };
    for (formula, expected) in [
        ("", (4, 1, false)),
        ("$TargetDedicatedNodes = 3.8; $TargetLowPriorityNodes = 0", (3, 0, false)),
        ("$TargetDedicatedNodes = -3.8", (0, 1, false)),
        ("$TargetDedicatedNodes = 1e30", (2_147_483_647, 1, false)),
        ("$TargetDedicated = 7; $TargetLowPriority = 8", (7, 8, false)),
        ("$TargetDedicatedNodes = 6; $TargetDedicated = 7", (6, 1, false)),
        ("$TargetDedicated = 7; $TargetDedicatedNodes = 6", (6, 1, false)),
        ("$TargetDedicated = 7; $TargetLowPriorityNodes = $TargetDedicatedNodes", (7, 7, false)),
        ("$TargetDedicatedNodes = 6; $TargetLowPriorityNodes = $TargetDedicated + 1", (6, 7, false)),
        ("$TargetDedicatedNodes = $TargetDedicatedNodes + $TargetLowPriorityNodes", (5, 1, false)),
        ("$TargetDedicatedNodes = 9; stop(); $TargetDedicatedNodes = 1; x = nothing", (9, 1, false)),
        ("$TargetDedicatedNodes = 9; x = nothing; $TargetDedicatedNodes = 1", (4, 1, true)),
        ("$TargetDedicatedNodes = 0 / 0", (4, 1, true)),
        ("$TargetDedicatedNodes = [1]", (4, 1, true)),
        ("$TargetDedicatedNodes = $ActiveTasks", (8, 1, false)),
        ("$ActiveTasks = 1", (4, 1, true)),
        ("TimeInterval_Day = 1", (4, 1, true)),
    ] {
        assert_eq!(target(formula), expected, "{formula}");
    }
    let evaluation =
        evaluate("$NodeDeallocationOption = terminate; $NodeFillType = pack; x = requeue", &busy());
    assert_eq!(evaluation.tasks, NodeTasks::Terminate);
    assert_eq!(
        evaluation.results(),
        "$TargetDedicatedNodes=4;$TargetLowPriorityNodes=1;$NodeDeallocationOption=terminate;\
         $NodeFillType=Pack;x=requeue"
    );
    for option in NodeTasks::ALL {
        let by_name = evaluate(&format!("$NodeDeallocationOption = {option}"), &busy());
        let by_text = evaluate(&format!("$NodeDeallocationOption = \"{option}\""), &busy());
        assert_eq!((by_name.tasks, by_text.tasks), (*option, *option));
    }
    for (formula, what) in [
        ("$NodeDeallocationOption = 1", "`$NodeDeallocationOption` cannot be `1`"),
        ("$NodeDeallocationOption = spread", "`$NodeDeallocationOption` cannot be `Spread`"),
        ("$NodeFillType = requeue", "`$NodeFillType` cannot be `requeue`"),
        ("$RunningTasks = 1", "`$RunningTasks` cannot be set"),
    ] {
        assert_eq!(of(formula), what);
    }
    let failed = evaluate("a = 1;\n  b = c;", &busy()).error.unwrap();
    assert_eq!(failed.to_string(), "Line 2, Col 7: `c` is not defined");
}

/// P12: what is not a formula, and where.
#[test]
fn what_is_not_of_the_language_is_refused() {
    for (text, expected) in [
        ("x =", "Line 1, Col 4: expected a value, found the end of the formula"),
        ("x = 1 y", "Line 1, Col 7: expected `;`, found `y`"),
        ("x = 1\n;y = (2", "Line 2, Col 8: expected `)`, found the end of the formula"),
        ("x = [1 2]", "Line 1, Col 8: expected `,`, found `2`"),
        ("x = 1 ? 2", "Line 1, Col 10: expected `:`, found the end of the formula"),
        ("x = f(1,)", "Line 1, Col 9: expected a value, found `)`"),
        ("x = y.1", "Line 1, Col 6: expected `;`, found `0.1`"),
        ("x = y.(1)", "Line 1, Col 7: expected a name, found `(`"),
        ("x = \"a", "Line 1, Col 5: the string has no end"),
        ("x = $", "Line 1, Col 5: a name is missing after `$`"),
        ("x = $1", "Line 1, Col 5: a name is missing after `$`"),
        ("x = 1e999", "Line 1, Col 5: the number is too large"),
        ("x = 1 % 2", "Line 1, Col 7: unexpected `%`"),
        ("x = 1 & 2", "Line 1, Col 7: unexpected `&`"),
        ("1 = 2", "Line 1, Col 3: expected `;`, found `=`"),
        ("x == 1 = 2", "Line 1, Col 8: expected `;`, found `=`"),
        ("§", "Line 1, Col 1: unexpected `§`"),
    ] {
        assert_eq!(Formula::parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    let deep = |depth: usize| format!("x = {}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Formula::parse(&deep(63)).is_ok());
    assert!(matches!(Formula::parse(&deep(64)), Err(FormulaError::Syntax { .. })));
    assert!(Formula::parse(&format!("x = {}1", "!".repeat(64))).is_ok());
    assert!(Formula::parse(&format!("x = {}1", "!".repeat(65))).is_err());
}

/// P12: what is left out, and what separates.
#[test]
fn comments_lines_and_empty_statements_do_not_matter() {
    for text in ["x=1", "x = 1;", ";;x=1;;", "// y = 2;\nx = 1 // z\n", "\tx\r\n=\r\n1;//"] {
        assert_eq!(of(text), "x=1", "{text:?}");
    }
    for text in ["", ";", "// nothing", " \n"] {
        assert_eq!(of(text), "", "{text:?}");
    }
}

/// P12, P13: no formula is longer, has more statements or makes longer vectors.
#[test]
fn formulas_have_limits() {
    let padded = |length: usize| format!("x=1;{}", "é".repeat(0) + &" ".repeat(length - 4));
    assert!(Formula::parse(&padded(Formula::MAX_CHARACTERS)).is_ok());
    assert_eq!(Formula::parse(&padded(Formula::MAX_CHARACTERS + 1)).unwrap_err(), FormulaError::TooLong);
    let accents = format!("x=\"{}\"", "é".repeat(Formula::MAX_CHARACTERS - 4));
    assert!(Formula::parse(&accents).is_ok(), "characters are counted, not bytes");
    assert!(Formula::parse(&"x=1;".repeat(Formula::MAX_STATEMENTS)).is_ok());
    let many = "x=1;".repeat(Formula::MAX_STATEMENTS + 1);
    assert_eq!(Formula::parse(&many).unwrap_err(), FormulaError::TooLong);
    let doubled = format!("x=[1];{}", "x=[x,x];".repeat(99));
    assert_eq!(of(&doubled), "the list has too many elements");
    let long = format!("x = 0{};", "+1".repeat(4000));
    assert_eq!(of(&long), "x=4000");
    assert_eq!(of(&format!("x = {}7;", "0?1:".repeat(2000))), "x=7");
    let hours = format!("x = time(){};", ".hour".repeat(1600));
    assert_eq!(of(&hours), "a double has no member `hour`");
}

const NAMES: &[&str] =
    &["x", "$y", "$ActiveTasks", "$CPUPercent", "TimeInterval_Second", "requeue", "time", "max"];

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(NAMES).prop_map(String::from)
}

/// Any tree that is not too high.
fn expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        (0..1000_u32, 0..4_i32)
            .prop_map(|(number, power)| Kind::Number(f64::from(number) / 8_f64.powi(power))),
        any::<f64>().prop_map(|number| Kind::Number(if number.is_finite() { number.abs() } else { 0.0 })),
        "[a-z0-9 :;/*é\n-]{0,6}".prop_map(Kind::Text),
        name().prop_map(Kind::Name),
    ];
    plain(leaf).prop_recursive(4, 24, 4, move |inner| {
        let list = vec(inner.clone(), 0..4);
        let member = (name(), prop::option::of(list.clone()))
            .prop_map(|(name, arguments)| Member { name: name.trim_start_matches('$').into(), arguments });
        let boxed = inner.clone().prop_map(Box::new);
        plain(prop_oneof![
            list.clone().prop_map(Kind::List),
            (name(), list).prop_map(|(function, arguments)| Kind::Call { function, arguments }),
            (boxed.clone(), vec(member, 1..3)).prop_map(|(of, members)| Kind::Members { of, members }),
            (any::<bool>(), boxed.clone()).prop_map(|(minus, operand)| Kind::Unary {
                operator: if minus { Unary::Minus } else { Unary::Not },
                operand,
            }),
            (boxed.clone(), 0..Binary::LEVELS.len(), vec((any::<usize>(), inner.clone()), 1..3)).prop_map(
                |(first, level, rest)| {
                    let of_level = |place: usize| Binary::LEVELS[level][place % Binary::LEVELS[level].len()];
                    let rest = rest.into_iter().map(|(place, operand)| (of_level(place), operand)).collect();
                    Kind::Chain { first, rest }
                }
            ),
            (vec((inner.clone(), inner.clone()), 1..3), boxed)
                .prop_map(|(arms, otherwise)| Kind::Choice { arms, otherwise }),
        ])
    })
}

fn plain(kind: impl Strategy<Value = Kind>) -> impl Strategy<Value = Expression> {
    kind.prop_map(|kind| Expression { at: Position::default(), kind })
}

proptest! {
    /// P12: a formula that is printed is read as the same one.
    #[test]
    fn what_is_printed_is_read_back(values in vec((prop::option::of(name()), expression()), 0..5)) {
        let statements: Vec<Statement> =
            values.into_iter().map(|(variable, value)| Statement { variable, value }).collect();
        let printed = Printed(&statements).to_string();
        let formula = Formula { text: printed.as_str().into(), statements: statements.into() };
        prop_assume!(printed.chars().count() <= Formula::MAX_CHARACTERS);
        let read = Formula::parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}\n{error}")))?;
        prop_assert_eq!(Printed(&read.statements).to_string(), printed.as_str());
        prop_assert_eq!(read.as_str(), printed);
        let without_place = |evaluation: Evaluation| {
            let results = evaluation.results();
            (evaluation.target, results, evaluation.error.map(|error| error.what))
        };
        let (one, other) = (formula.evaluate(&busy()), read.evaluate(&busy()));
        prop_assert_eq!(without_place(one), without_place(other));
    }

    /// P13: no text makes the reader or the evaluator fail otherwise than with an error.
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(formula) = Formula::parse(&text) {
            formula.evaluate(&busy());
        }
    }

    /// P13: nor does any sequence of the language's words.
    #[test]
    fn any_words_are_read_or_refused(words in vec(0..WORDS.len(), 0..200)) {
        let text = words.into_iter().map(|word| WORDS[word]).collect::<Vec<_>>().join(" ");
        if let Ok(formula) = Formula::parse(&text) {
            let evaluation = formula.evaluate(&busy());
            prop_assert!(evaluation.results().starts_with("$TargetDedicatedNodes="));
        }
    }
}

const WORDS: &[&str] = &[
    "x",
    "y",
    "=",
    ";",
    "(",
    ")",
    "[",
    "]",
    "1",
    "0",
    "1e300",
    "\"a\"",
    "+",
    "-",
    "*",
    "/",
    "!",
    "&&",
    "||",
    "<",
    "==",
    "?",
    ":",
    ",",
    ".",
    "$ActiveTasks",
    ".GetSample(",
    ".GetSamplePercent(",
    "time()",
    "time(",
    ".hour",
    "TimeInterval_Year",
    "max(",
    "avg(",
    "percentile(",
    "val(",
    "std(",
    "$TargetDedicatedNodes =",
    "stop()",
    "rand()",
    "// c\n",
    "x = x * x;",
    "x = [x, x];",
    "$NodeDeallocationOption = requeue;",
];

/// Formulas are compared, hashed and shown by their text.
#[test]
fn a_formula_is_its_text() {
    use core::hash::BuildHasher;

    let formula = |text: &str| text.parse::<Formula>().unwrap();
    let (one, other) = (formula("$TargetDedicatedNodes = 1;"), formula("$TargetDedicatedNodes = 2;"));
    assert_eq!(one, formula("$TargetDedicatedNodes = 1;"));
    assert_ne!(one, other);
    let state = std::hash::RandomState::new();
    assert_eq!(state.hash_one(&one), state.hash_one(one.clone()));
    assert_ne!(state.hash_one(&one), state.hash_one(&other));
    assert_eq!(format!("{one:?}"), "Formula(\"$TargetDedicatedNodes = 1;\")");
}

//! The tables of `benches/README.md`: which figure is in which row, and what it should be.

use std::fmt::Write;

use crate::{
    divan::{Figures, Measured},
    growth::{SIZES, duration, three_digits},
};

/// How a row's figure follows from what was measured.
enum Figure {
    Time,
    /// The time divided by the number of items.
    TimeEach(f64),
    /// The peak of memory divided by the number of items.
    MemoryEach(f64),
    /// The length of what was written or read, divided by the number of items.
    StoredEach(f64),
}

/// What a row's figure should be at most.
enum Target {
    Ns(f64),
    NsAndAllocations(f64, f64),
    Bytes(f64),
    /// What another benchmark took, and half of that again.
    As(&'static str),
}

struct Row {
    what: &'static str,
    bench: &'static str,
    figure: Figure,
    target: Target,
}

const fn row(what: &'static str, bench: &'static str, figure: Figure, target: Target) -> Row {
    Row { what, bench, figure, target }
}

use Figure::{MemoryEach, StoredEach, Time, TimeEach};
use Target::{As, Bytes, Ns, NsAndAllocations};

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("`tick` with nothing due, 1,000 jobs", "growth/tick_with_nothing_due/1000", Time, Ns(50.0)),
    row("`tick` with nothing due, 100,000 jobs", "growth/tick_with_nothing_due/100000", Time, Ns(50.0)),
    row("`deadline`, 1,000 jobs", "growth/deadline/1000", Time, Ns(10.0)),
    row("`deadline`, 100,000 jobs", "growth/deadline/100000", Time, Ns(10.0)),
    row("`schedule` with nothing to give, 1,000 jobs", "growth/schedule_with_nothing_to_give/1000", Time, Ns(50.0)),
    row("`schedule` with nothing to give, 100,000 jobs", "growth/schedule_with_nothing_to_give/100000", Time, Ns(50.0)),
    row("`schedule` while 100,000 tasks wait for a dependency", "growth/schedule_while_tasks_wait/100000", Time, As("growth/schedule_while_tasks_wait/100")),
    row("terminate a job and tick, beside 100,000 jobs", "growth/terminate_a_job_and_tick/100000", Time, Ns(5e3)),
    row("typed `add_task`, job of 100 tasks", "growth/add_task/100", Time, Ns(400.0)),
    row("typed `add_task`, job of 1,000,000 tasks", "growth/add_task/1000000", Time, Ns(800.0)),
    row("memory of an active task, id of 12 characters", "growth/make_tasks/1000000", MemoryEach(1e6), Bytes(200.0)),
    row("REST: GET job", "speed/rest_requests/get_job", Time, NsAndAllocations(1.2e3, 12.0)),
    row("REST: GET task", "speed/rest_requests/get_task", Time, NsAndAllocations(1e3, 12.0)),
    row("REST: GET task counts", "speed/rest_requests/get_task_counts", Time, NsAndAllocations(600.0, 8.0)),
    row("REST: POST task, job of 100 tasks", "growth/rest_post_task/100", Time, NsAndAllocations(1.5e3, 18.0)),
    row("REST: POST task, job of 1,000,000 tasks", "growth/rest_post_task/1000000", Time, NsAndAllocations(3e3, 18.0)),
    row("REST: terminate, refused with 409", "speed/rest_requests/terminate_refused", Time, NsAndAllocations(500.0, 6.0)),
    row("REST: list of 100 tasks of 1,000,000", "growth/rest_list_100_tasks/1000000", Time, NsAndAllocations(50e3, 200.0)),
    row("REST: list with a filter that matches none of 1,000,000 tasks", "growth/rest_filter_that_matches_no_task/1000000", Time, NsAndAllocations(40e6, 100.0)),
    row("REST: list of completed jobs behind 100,000 that live, first page", "growth/rest_list_completed_jobs/100000", Time, As("growth/rest_list_completed_jobs/100")),
    row("REST: list of completed jobs behind 100,000 that live, later page", "growth/rest_list_completed_jobs_later/100000", Time, As("growth/rest_list_completed_jobs_later/100")),
    row("giving 4 tasks to 4 nodes and hearing 4 ends", "growth/give_4_tasks_to_4_nodes_and_hear_4_ends", Time, Ns(3e3)),
    row("giving 8,000 tasks to 2,000 nodes", "growth/schedule_8_000_tasks_to_2_000_nodes", Time, Ns(6e6)),
    row("a stored account of 1,000,000 tasks: written", "growth/stored/written/1000000", Time, Ns(0.8e9)),
    row("a stored account of 1,000,000 tasks: read and checked", "growth/stored/read_and_checked/1000000", Time, Ns(1.2e9)),
    row("a stored account of 1,000,000 tasks: each task", "growth/stored/read_and_checked/1000000", StoredEach(1e6), Bytes(250.0)),
    row("`If-Match` read and decided", "speed/condition/if_match", Time, Ns(15.0)),
    row("`If-Match` decided alone", "speed/condition/decided_alone", Time, Ns(3.0)),
    row("a date header read and decided", "speed/condition/date", Time, Ns(25.0)),
    row("an allowed pair of headers read and decided", "speed/condition/allowed_pair", Time, Ns(20.0)),
    row("error body into a reused buffer", "speed/error_body_into_a_reused_buffer", Time, NsAndAllocations(180.0, 0.0)),
    row("ETag as text into a buffer", "speed/etag_into_a_buffer", Time, Ns(10.0)),
    row("terminate, a running task's share (10,000 on 1,000 nodes)", "speed/terminate_10_000_running_on_1_000_nodes", TimeEach(1e4), Ns(30.0)),
];

/// The rows of the table of growth, and of the plot.
const GROWTH: &[(&str, &str)] = &[
    ("`tick` with nothing due", "tick_with_nothing_due"),
    ("`deadline`", "deadline"),
    ("`schedule` with nothing to give", "schedule_with_nothing_to_give"),
    ("`schedule` while tasks wait for a dependency", "schedule_while_tasks_wait"),
    ("terminate a job and tick", "terminate_a_job_and_tick"),
    ("terminate a job with 10 running tasks", "terminate_10_running_beside_active"),
    ("typed `add_task`", "add_task"),
    ("REST: POST task", "rest_post_task"),
    ("REST: list of 100 tasks", "rest_list_100_tasks"),
    ("REST: list of 100 completed jobs, first page", "rest_list_completed_jobs"),
    ("REST: list of 100 completed jobs, later page", "rest_list_completed_jobs_later"),
    ("REST: list with a filter that matches none", "rest_filter_that_matches_no_task"),
    ("a stored account written", "stored/written"),
    ("a stored account read and checked", "stored/read_and_checked"),
];

/// What each peer is compared in.
const PEERS: &[(&str, &str)] = &[
    ("`If-Match` read and decided", "if_match"),
    ("`If-Match` decided alone", "if_match_decided_alone"),
    ("`If-Modified-Since` read and decided", "if_modified_since"),
    ("an HTTP date read", "http_date_read"),
    ("an HTTP date written", "http_date_written"),
    ("an error body written", "error_body"),
    ("a job disabled and enabled, each with a tick", "four_steps_of_a_job"),
];

fn find<'a>(measured: &'a Measured, bench: &str) -> Result<&'a Figures, String> {
    measured.get(bench).ok_or_else(|| format!("{bench} was not measured"))
}

/// A figure in nanoseconds or bytes, from the fastest sample or from the median one.
fn figure(row: &Row, of: &Figures, nanoseconds: f64) -> f64 {
    match row.figure {
        Time => nanoseconds,
        TimeEach(items) => nanoseconds / items,
        MemoryEach(items) => of.peak_bytes / items,
        StoredEach(items) => of.bytes_per_second.unwrap_or(0.0) * of.fastest_ns / 1e9 / items,
    }
}

/// A target as text, and whether it is met.
fn judge(target: &Target, figure: f64, of: &Figures, measured: &Measured) -> Result<(String, bool), String> {
    Ok(match *target {
        Ns(most) => (duration(most), figure <= most),
        NsAndAllocations(most, allocations) => (
            format!("{}, {} allocations", duration(most), count(allocations)),
            figure <= most && of.allocations <= allocations,
        ),
        Bytes(most) => (format!("{} bytes", three_digits(most)), figure <= most),
        As(bench) => {
            let other = find(measured, bench)?.fastest_ns;
            (format!("as with 100 ({})", duration(other)), figure <= 1.5 * other)
        }
    })
}

/// A number of allocations, with commas.
fn count(allocations: f64) -> String {
    let digits = format!("{allocations:.0}");
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a String takes everything");
}

/// Every row with its target, and then those that miss theirs.
pub fn targets(measured: &Measured) -> Result<String, String> {
    let mut out =
        String::from("| what | fastest | median | allocations | target | met |\n|---|---|---|---|---|---|\n");
    let mut missed = Vec::new();
    for row in ROWS {
        let of = find(measured, row.bench)?;
        let best = figure(row, of, of.fastest_ns);
        let (target, is_met) = judge(&row.target, best, of, measured)?;
        let shown = |figure: f64| match row.figure {
            Time | TimeEach(_) => duration(figure),
            MemoryEach(_) | StoredEach(_) => format!("{} bytes", three_digits(figure)),
        };
        let (median, allocations) = match row.figure {
            Time => (shown(figure(row, of, of.median_ns)), count(of.allocations)),
            TimeEach(_) => (shown(figure(row, of, of.median_ns)), String::new()),
            MemoryEach(_) | StoredEach(_) => (String::new(), String::new()),
        };
        let met = if is_met { "yes" } else { "no" };
        line(
            &mut out,
            format_args!("| {} | {} | {median} | {allocations} | {target} | {met} |", row.what, shown(best)),
        );
        if !is_met {
            let figure = match row.target {
                NsAndAllocations(..) => format!("{}, {allocations} allocations", shown(best)),
                Ns(_) | Bytes(_) | As(_) => shown(best),
            };
            missed.push(format!("- {}: {figure} instead of {target}", row.what));
        }
    }
    let total = ROWS.len();
    line(
        &mut out,
        format_args!("\n{} of {total} targets are met. Those that are not:\n", total - missed.len()),
    );
    for row in missed {
        line(&mut out, format_args!("{row}"));
    }
    Ok(out)
}

pub fn growth(measured: &Measured) -> Result<String, String> {
    let mut out = format!("| what | {} |\n|---|{}\n", SIZES.join(" | "), "---|".repeat(SIZES.len()));
    for (what, bench) in GROWTH {
        let times = SIZES.map(|size| {
            let of = find(measured, &format!("growth/{bench}/{}", size.replace(',', "")))?;
            Ok(duration(of.fastest_ns))
        });
        let times: Vec<String> = times.into_iter().collect::<Result<_, String>>()?;
        line(&mut out, format_args!("| {what} | {} |", times.join(" | ")));
    }
    Ok(out)
}

pub fn peers(measured: &Measured) -> Result<String, String> {
    let mut out = String::from("| what | who | fastest | median | allocations |\n|---|---|---|---|---|\n");
    for (what, group) in PEERS {
        let prefix = format!("peers/{group}/");
        let mut those = measured.iter().filter(|(path, _)| path.starts_with(&prefix)).peekable();
        those.peek().ok_or_else(|| format!("{prefix} was not measured"))?;
        for (path, of) in those {
            let (fastest, median) = (duration(of.fastest_ns), duration(of.median_ns));
            let (who, allocations) = (&path[prefix.len()..], count(of.allocations));
            line(&mut out, format_args!("| {what} | `{who}` | {fastest} | {median} | {allocations} |"));
        }
    }
    Ok(out)
}

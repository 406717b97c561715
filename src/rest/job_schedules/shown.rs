//! What the service shows of a job schedule.

use serde_json::{Value, json};

use crate::{
    Timestamp,
    job_schedule::{JobSchedule, Schedule},
    rest::{
        jobs::shown::job_template,
        odata::model::name,
        shown::{Properties, job_schedule_url, job_url, previous_state, put, stamps, text},
    },
};

/// A job schedule as `Job Schedule - Get` shows it at this time.
pub(super) fn job_schedule(account: &str, schedule: &JobSchedule, now: Timestamp) -> Properties {
    let (stamped, settings) = (schedule.stamps(), schedule.settings());
    let mut shown = schedule.specification().other.clone();
    shown.extend(settings.other.clone());
    put(&mut shown, name!("id"), text(schedule.id()));
    put(&mut shown, name!("url"), Value::String(job_schedule_url(account, schedule.id())));
    stamps(&mut shown, stamped, stamped.created(), schedule.state().name());
    previous_state(&mut shown, stamped);
    put(&mut shown, name!("schedule"), times(&settings.schedule));
    let job = job_template(&settings.job, &settings.job_settings);
    put(&mut shown, name!("jobSpecification"), Value::Object(job));
    put(&mut shown, name!("executionInfo"), execution_info(account, schedule, now));
    shown
}

/// L4: an empty schedule is not shown.
fn times(schedule: &Schedule) -> Option<Value> {
    let mut shown = Properties::new();
    put(&mut shown, name!("doNotRunUntil"), schedule.do_not_run_until.map(text));
    put(&mut shown, name!("doNotRunAfter"), schedule.do_not_run_after.map(text));
    put(&mut shown, name!("startWindow"), schedule.start_window.map(|window| text(window.span())));
    let interval = schedule.recurrence_interval.map(|interval| text(interval.span()));
    put(&mut shown, name!("recurrenceInterval"), interval);
    (!shown.is_empty()).then_some(Value::Object(shown))
}

/// L4
fn execution_info(account: &str, schedule: &JobSchedule, now: Timestamp) -> Value {
    let mut shown = Properties::new();
    put(&mut shown, name!("nextRunTime"), schedule.next_run_time(now).map(text));
    let recent_job = schedule
        .recent_job()
        .map(|job| json!({ (name!("url")): job_url(account, &job), (name!("id")): job.as_str() }));
    put(&mut shown, name!("recentJob"), recent_job);
    put(&mut shown, name!("endTime"), schedule.state().end_time().map(text));
    Value::Object(shown)
}

//! What the service shows of a job schedule.

use crate::{
    Timestamp,
    job_schedule::{JobSchedule, JobScheduleStateName, Period, Schedule},
    rest::{
        jobs::shown::job_template,
        odata::shown::{Slot, fill},
        shown::{job_schedule_url, job_url, stamps},
    },
};

/// A job schedule as `Job Schedule - Get` shows it at this time.
pub(super) fn job_schedule(account: &str, schedule: &JobSchedule, now: Timestamp, slot: &mut Slot<'_>) {
    let (stamped, settings) = (schedule.stamps(), schedule.settings());
    fill!(slot {
        "id" => slot.text(schedule.id().as_str()),
        "url" => slot.joined(&job_schedule_url(account, schedule.id())),
        "state" => slot.text(schedule.state().name().as_str()),
        // L4: an empty schedule is not shown.
        "schedule" => if settings.schedule != Schedule::default() {
            slot.object(&|slot| times(&settings.schedule, slot));
        },
        "jobSpecification" => {
            slot.object(&|slot| job_template(&settings.job, &settings.job_settings, slot));
        },
        "executionInfo" => slot.object(&|slot| execution_info(account, schedule, now, slot)),
    });
    stamps(slot, stamped, stamped.created(), JobScheduleStateName::as_str);
    slot.kept(&settings.other);
    slot.kept(&schedule.specification().other);
}

fn times(schedule: &Schedule, slot: &mut Slot<'_>) {
    fill!(slot {
        "doNotRunUntil" => slot.instant(schedule.do_not_run_until),
        "doNotRunAfter" => slot.instant(schedule.do_not_run_after),
        "startWindow" => slot.duration(schedule.start_window.map(Period::span)),
        "recurrenceInterval" => slot.duration(schedule.recurrence_interval.map(Period::span)),
    });
}

/// L4
fn execution_info(account: &str, schedule: &JobSchedule, now: Timestamp, slot: &mut Slot<'_>) {
    fill!(slot {
        "nextRunTime" => slot.instant(schedule.next_run_time(now)),
        "recentJob" => if let Some(job) = schedule.recent_job() {
            slot.object(&|slot| {
                fill!(slot {
                    "url" => slot.joined(&job_url(account, &job)),
                    "id" => slot.text(job.as_str()),
                });
            });
        },
        "endTime" => slot.instant(schedule.state().end_time()),
    });
}

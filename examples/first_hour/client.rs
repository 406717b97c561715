//! Somebody's own client: it ends a job and waits until it has ended.

use std::time::Duration;

use serde_json::Value;

/// How the client reaches the service, and how it waits.
pub trait Service {
    /// Sends a request without a body, and returns the status and the body of the answer.
    fn send(&mut self, method: &str, target: &str) -> (u16, Vec<u8>);

    /// Waits.
    fn sleep(&mut self, span: Duration);
}

/// Why a job could not be ended.
#[derive(Debug, PartialEq)]
pub enum Failure {
    /// The service answered what the client does not understand.
    Unexpected(u16),
    /// The job did not end, not even by force.
    StillEnding,
}

const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// Terminates a job and waits until it has ended: in growing pauses, after two hours by force.
///
/// # Errors
/// See [`Failure`].
pub fn end_job(service: &mut impl Service, job: &str) -> Result<(), Failure> {
    terminate(service, job, "")?;
    let (mut pause, mut waited, mut is_forced) = (Duration::from_secs(1), Duration::ZERO, false);
    while !has_ended(service, job)? {
        if waited >= 2 * PATIENCE {
            return Err(Failure::StillEnding);
        }
        if waited >= PATIENCE && !is_forced {
            terminate(service, job, "&force=true")?;
            is_forced = true;
        }
        service.sleep(pause);
        waited += pause;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// A job that is ending already, has ended or is gone need not be terminated.
fn terminate(service: &mut impl Service, job: &str, query: &str) -> Result<(), Failure> {
    match service.send("POST", &format!("/jobs/{job}/terminate?api-version=2025-06-01{query}")).0 {
        202 | 404 | 409 => Ok(()),
        status => Err(Failure::Unexpected(status)),
    }
}

fn has_ended(service: &mut impl Service, job: &str) -> Result<bool, Failure> {
    match service.send("GET", &format!("/jobs/{job}?api-version=2025-06-01")) {
        (404, _) => Ok(true),
        (200, body) => {
            let job: Value = serde_json::from_slice(&body).map_err(|_| Failure::Unexpected(200))?;
            Ok(job["state"] == "completed")
        }
        (status, _) => Err(Failure::Unexpected(status)),
    }
}

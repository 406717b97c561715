//! A test of how a client meets a job that is `terminating` for hours. It takes milliseconds.

use std::time::Duration;

use azbatch::{
    TimeSpan,
    rest::{Guid, Request},
    testing::Driver,
};

use crate::client::Service;

/// The service in virtual time: an account, and what the client asked of it.
pub struct Virtual {
    pub driver: Driver,
    pub requests: Vec<(String, Duration)>,
    pub elapsed: Duration,
}

impl Virtual {
    pub fn new(driver: Driver) -> Self {
        Self { driver, requests: Vec::new(), elapsed: Duration::ZERO }
    }
}

impl Service for Virtual {
    fn send(&mut self, method: &str, target: &str) -> (u16, Vec<u8>) {
        self.requests.push((format!("{method} {target}"), self.elapsed));
        let (received, request_id) = (self.driver.now(), Guid::from_u128(1));
        let request = Request { method, target, headers: &[], body: b"", received, request_id };
        let response = self.driver.send(&request).response;
        (response.status, response.body)
    }

    fn sleep(&mut self, span: Duration) {
        self.elapsed += span;
        self.driver.wait(TimeSpan::from_secs(span.as_secs()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::end_job, with_a_task_that_does_not_stop};

    #[test]
    fn a_job_that_does_not_end_for_hours_is_forced_once() {
        let mut service = with_a_task_that_does_not_stop();
        assert_eq!(end_job(&mut service, "Job-1"), Ok(()));

        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        let times = |what: &str| {
            let requests = service.requests.iter().filter(move |(request, _)| request.contains(what));
            requests.map(|(_, at)| *at).collect::<Vec<_>>()
        };
        let [asked, forced] = times("terminate")[..] else { panic!("{:?}", service.requests) };
        assert_eq!((asked, times("force=true")), (Duration::ZERO, vec![forced]));
        assert!(
            forced >= hours(2) && forced < hours(2) + Duration::from_secs(300),
            "forced after {forced:?}"
        );
        assert!(times("GET").len() < 40, "it asks too often");
        assert!(service.elapsed < hours(3), "it waits too long");
    }
}

//! The table of operations. Routing, 404, 405 and 501, what an operation reads and which headers its
//! answer has all come from here.

use alloc::borrow::Cow;

use crate::{
    BatchError, ErrorCode,
    id::{JobId, JobScheduleId, NodeId, PoolId, TaskId},
    node::UserName,
    rest::{
        applications,
        exchange::{Act, PathId, Reading},
        files::{self, FileOwner, FileRequest},
        job_schedules, jobs,
        nodes::{self, users},
        odata::version::ApiVersion,
        parameters::Conditions,
        percent::{cut, decode},
        pools, supported_images, tasks,
    },
};

/// The usual longest timeout (F4).
const TIMEOUT_SECONDS: u64 = 30;

/// The longest timeout of an operation on a whole collection (F4).
const COLLECTION_TIMEOUT_SECONDS: u64 = 120;

/// An operation of the service.
#[derive(Debug)]
pub struct Operation {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, with `{name}` for an id and `{..}` for any rest.
    pub path: &'static str,
    /// The status of the answer if the request is accepted; 304 may stand in its place.
    pub status: u16,
    /// The first api-version that has the operation.
    pub since: ApiVersion,
    /// The first api-version that no longer has it; `None` if all later ones do.
    pub until: Option<ApiVersion>,
    /// Which of the four conditional headers are read.
    pub conditions: Conditions,
    /// Whether the header `ocp-range` is read ([V7](crate::evidence#v7)).
    pub has_range: bool,
    /// Whether the query parameter `force` is read ([F3](crate::evidence#f3)).
    pub is_forceable: bool,
    /// The longest timeout in seconds ([F4](crate::evidence#f4)).
    pub max_timeout_seconds: u64,
    pub(super) headers: ReplyHeaders,
    pub(super) handler: Handler,
    pattern: Pattern,
}

/// The headers of an accepted request, besides those that every answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyHeaders {
    /// None.
    Plain,
    /// ETag and Last-Modified, if the resource has them.
    Stamps,
    /// DataServiceId, which is the request's own URL.
    Id,
    /// ETag, Last-Modified, and DataServiceId, which is the request's own URL.
    StampsAndId,
    /// ETag, Last-Modified, and DataServiceId and Location, which are the URL of what was added.
    Added,
}

/// What is left to do after a request has been read.
pub(super) enum Work {
    /// Something with the account alone.
    Act(Act),
    /// Something with files, which are the host's.
    Files(FileRequest),
}

type ReadResult = Result<Act, BatchError>;

/// It takes the files' owner, and the path below it that the request's path ends with.
type FileHandler = fn(FileOwner, &str, Reading<'_>) -> Result<FileRequest, BatchError>;

/// The function that reads a request, by the ids that it takes from the path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handler {
    Account(fn(Reading<'_>) -> ReadResult),
    Job(fn(PathId<JobId>, Reading<'_>) -> ReadResult),
    Task(fn(PathId<JobId>, PathId<TaskId>, Reading<'_>) -> ReadResult),
    JobSchedule(fn(PathId<JobScheduleId>, Reading<'_>) -> ReadResult),
    Pool(fn(PathId<PoolId>, Reading<'_>) -> ReadResult),
    Node(fn(PathId<PoolId>, PathId<NodeId>, Reading<'_>) -> ReadResult),
    NodeUser(fn(PathId<PoolId>, PathId<NodeId>, PathId<UserName>, Reading<'_>) -> ReadResult),
    TaskFiles(FileHandler),
    NodeFiles(FileHandler),
    /// The crate does not have the operation; says what it belongs to (Q9).
    Missing(&'static str),
}

use Handler::{
    Account as OnAccount, Job as OnJob, JobSchedule as OnJobSchedule, Node as OnNode,
    NodeFiles as OnNodeFiles, NodeUser as OnNodeUser, Pool as OnPool, Task as OnTask,
    TaskFiles as OnTaskFiles,
};

static OPERATIONS: &[Operation] = &[
    // Jobs
    get("/jobs", OnAccount(jobs::list)),
    post("/jobs", 201, OnAccount(jobs::add)).replies(ReplyHeaders::Added),
    get("/jobs/{job}", OnJob(jobs::get)).conditional().replies(ReplyHeaders::Stamps),
    new("PUT", "/jobs/{job}", 200, OnJob(jobs::update)).conditional().replies(ReplyHeaders::StampsAndId),
    new("PATCH", "/jobs/{job}", 200, OnJob(jobs::patch)).conditional().replies(ReplyHeaders::StampsAndId),
    new("DELETE", "/jobs/{job}", 202, OnJob(jobs::delete)).conditional().forceable(),
    post("/jobs/{job}/terminate", 202, OnJob(jobs::terminate))
        .conditional()
        .forceable()
        .replies(ReplyHeaders::StampsAndId),
    post("/jobs/{job}/disable", 202, OnJob(jobs::disable)).conditional().replies(ReplyHeaders::StampsAndId),
    post("/jobs/{job}/enable", 202, OnJob(jobs::enable)).conditional().replies(ReplyHeaders::StampsAndId),
    get("/jobs/{job}/taskcounts", OnJob(jobs::task_counts)).since(ApiVersion::V2017_06),
    get("/jobs/{job}/jobpreparationandreleasetaskstatus", OnJob(jobs::preparation_and_release_status)),
    // Tasks
    get("/jobs/{job}/tasks", OnJob(tasks::list)),
    post("/jobs/{job}/tasks", 201, OnJob(tasks::add)).replies(ReplyHeaders::Added),
    post("/jobs/{job}/addtaskcollection", 200, OnJob(tasks::add_collection))
        .max_timeout(COLLECTION_TIMEOUT_SECONDS),
    get("/jobs/{job}/tasks/{task}", OnTask(tasks::get)).conditional().replies(ReplyHeaders::Stamps),
    new("PUT", "/jobs/{job}/tasks/{task}", 200, OnTask(tasks::update))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    new("DELETE", "/jobs/{job}/tasks/{task}", 200, OnTask(tasks::delete)).conditional(),
    post("/jobs/{job}/tasks/{task}/terminate", 204, OnTask(tasks::terminate))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    // The one change of a task whose answer has no DataServiceId.
    post("/jobs/{job}/tasks/{task}/reactivate", 204, OnTask(tasks::reactivate))
        .since(ApiVersion::V2016_07)
        .conditional()
        .replies(ReplyHeaders::Stamps),
    get("/jobs/{job}/tasks/{task}/subtasksinfo", OnTask(tasks::subtasks)),
    get("/jobs/{job}/tasks/{task}/files", OnTaskFiles(files::list)),
    get("/jobs/{job}/tasks/{task}/files/{..}", OnTaskFiles(files::get)).conditional_by_date().ranged(),
    new("HEAD", "/jobs/{job}/tasks/{task}/files/{..}", 200, OnTaskFiles(files::properties))
        .conditional_by_date(),
    new("DELETE", "/jobs/{job}/tasks/{task}/files/{..}", 200, OnTaskFiles(files::delete)),
    // Pools
    get("/pools", OnAccount(pools::list)),
    post("/pools", 201, OnAccount(pools::add)).replies(ReplyHeaders::Added),
    get("/pools/{pool}", OnPool(pools::get)).replies(ReplyHeaders::Stamps),
    new("HEAD", "/pools/{pool}", 200, OnPool(pools::exists)).replies(ReplyHeaders::Stamps),
    new("DELETE", "/pools/{pool}", 202, OnPool(pools::delete)).conditional(),
    new("PATCH", "/pools/{pool}", 200, OnPool(pools::patch)).conditional().replies(ReplyHeaders::StampsAndId),
    post("/pools/{pool}/resize", 202, OnPool(pools::resize)).conditional().replies(ReplyHeaders::StampsAndId),
    post("/pools/{pool}/removenodes", 202, OnPool(pools::remove_nodes))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    post("/pools/{pool}/stopresize", 202, OnPool(pools::stop_resize))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    post("/pools/{pool}/updateproperties", 204, OnPool(pools::update_properties))
        .replies(ReplyHeaders::StampsAndId),
    missing("POST", "/pools/{pool}/upgradeos", "upgrading the operating system of nodes")
        .until(ApiVersion::V2018_12),
    post("/pools/{pool}/enableautoscale", 200, OnPool(pools::enable_auto_scale))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    post("/pools/{pool}/disableautoscale", 200, OnPool(pools::disable_auto_scale))
        .replies(ReplyHeaders::StampsAndId),
    post("/pools/{pool}/evaluateautoscale", 200, OnPool(pools::evaluate_auto_scale))
        .replies(ReplyHeaders::Id),
    // Nodes
    get("/pools/{pool}/nodes", OnPool(nodes::list)),
    get("/pools/{pool}/nodes/{node}", OnNode(nodes::get)),
    post("/pools/{pool}/nodes/{node}/reboot", 202, OnNode(nodes::reboot)).replies(ReplyHeaders::Id),
    post("/pools/{pool}/nodes/{node}/reimage", 202, OnNode(nodes::reimage)).replies(ReplyHeaders::Id),
    post("/pools/{pool}/nodes/{node}/deallocate", 202, OnNode(nodes::deallocate))
        .since(ApiVersion::V2024_07)
        .replies(ReplyHeaders::Id),
    post("/pools/{pool}/nodes/{node}/start", 202, OnNode(nodes::start))
        .since(ApiVersion::V2024_07)
        .replies(ReplyHeaders::Id),
    post("/pools/{pool}/nodes/{node}/disablescheduling", 200, OnNode(nodes::disable_scheduling))
        .replies(ReplyHeaders::Id),
    post("/pools/{pool}/nodes/{node}/enablescheduling", 200, OnNode(nodes::enable_scheduling))
        .replies(ReplyHeaders::Id),
    get("/pools/{pool}/nodes/{node}/files", OnNodeFiles(files::list)),
    get("/pools/{pool}/nodes/{node}/files/{..}", OnNodeFiles(files::get)).conditional_by_date().ranged(),
    new("HEAD", "/pools/{pool}/nodes/{node}/files/{..}", 200, OnNodeFiles(files::properties))
        .conditional_by_date(),
    new("DELETE", "/pools/{pool}/nodes/{node}/files/{..}", 200, OnNodeFiles(files::delete)),
    post("/pools/{pool}/nodes/{node}/users", 201, OnNode(users::add)).replies(ReplyHeaders::Added),
    new("PUT", "/pools/{pool}/nodes/{node}/users/{user}", 200, OnNodeUser(users::update))
        .replies(ReplyHeaders::Id),
    new("DELETE", "/pools/{pool}/nodes/{node}/users/{user}", 200, OnNodeUser(users::delete)),
    get("/pools/{pool}/nodes/{node}/extensions", OnNode(nodes::extensions)).since(ApiVersion::V2021_06),
    get("/pools/{pool}/nodes/{node}/extensions/{extension}", OnNode(nodes::extension))
        .since(ApiVersion::V2021_06),
    get("/pools/{pool}/nodes/{node}/remoteloginsettings", OnNode(users::remote_login_settings))
        .replies(ReplyHeaders::Id),
    missing("GET", "/pools/{pool}/nodes/{node}/rdp", "remote desktop files").until(ApiVersion::V2024_07),
    post("/pools/{pool}/nodes/{node}/uploadbatchservicelogs", 200, OnNode(nodes::upload_service_logs))
        .since(ApiVersion::V2018_03),
    // Job schedules
    get("/jobschedules", OnAccount(job_schedules::list)),
    post("/jobschedules", 201, OnAccount(job_schedules::add)).replies(ReplyHeaders::Added),
    get("/jobschedules/{schedule}", OnJobSchedule(job_schedules::get))
        .conditional()
        .replies(ReplyHeaders::Stamps),
    new("HEAD", "/jobschedules/{schedule}", 200, OnJobSchedule(job_schedules::exists))
        .conditional()
        .replies(ReplyHeaders::Stamps),
    new("PUT", "/jobschedules/{schedule}", 200, OnJobSchedule(job_schedules::update))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    new("PATCH", "/jobschedules/{schedule}", 200, OnJobSchedule(job_schedules::patch))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    new("DELETE", "/jobschedules/{schedule}", 202, OnJobSchedule(job_schedules::delete))
        .conditional()
        .forceable(),
    post("/jobschedules/{schedule}/enable", 204, OnJobSchedule(job_schedules::enable))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    post("/jobschedules/{schedule}/disable", 204, OnJobSchedule(job_schedules::disable))
        .conditional()
        .replies(ReplyHeaders::StampsAndId),
    post("/jobschedules/{schedule}/terminate", 202, OnJobSchedule(job_schedules::terminate))
        .conditional()
        .forceable()
        .replies(ReplyHeaders::StampsAndId),
    get("/jobschedules/{schedule}/jobs", OnJobSchedule(job_schedules::jobs)),
    // Certificates, one of which is named as OData names keys
    missing("GET", "/certificates", CERTIFICATES).until(ApiVersion::V2025_06),
    missing("POST", "/certificates", CERTIFICATES).until(ApiVersion::V2025_06),
    missing("GET", "/certificates({key})", CERTIFICATES).until(ApiVersion::V2025_06),
    missing("DELETE", "/certificates({key})", CERTIFICATES).until(ApiVersion::V2025_06),
    missing("POST", "/certificates({key})/canceldelete", CERTIFICATES).until(ApiVersion::V2025_06),
    // Applications and the account
    get("/applications", OnAccount(applications::list)),
    get("/applications/{application}", OnAccount(applications::get)),
    get("/supportedimages", OnAccount(supported_images::list)).since(ApiVersion::V2019_06),
    get("/nodeagentskus", OnAccount(supported_images::node_agents)).until(ApiVersion::V2019_06),
    get("/nodecounts", OnAccount(pools::node_counts)).since(ApiVersion::V2018_03),
    get("/poolusagemetrics", OnAccount(pools::usage_metrics)),
    missing("GET", "/lifetimepoolstats", LIFETIME_STATISTICS).until(ApiVersion::V2023_05),
    missing("GET", "/lifetimejobstats", LIFETIME_STATISTICS).until(ApiVersion::V2023_05),
];

const CERTIFICATES: &str = "certificates";
const LIFETIME_STATISTICS: &str = "lifetime statistics";

const fn new(method: &'static str, path: &'static str, status: u16, handler: Handler) -> Operation {
    Operation {
        method,
        path,
        status,
        since: ApiVersion::OLDEST,
        until: None,
        conditions: Conditions::None,
        has_range: false,
        is_forceable: false,
        max_timeout_seconds: TIMEOUT_SECONDS,
        headers: ReplyHeaders::Plain,
        handler,
        pattern: Pattern::of(path),
    }
}

const fn get(path: &'static str, handler: Handler) -> Operation {
    new("GET", path, 200, handler)
}

const fn post(path: &'static str, status: u16, handler: Handler) -> Operation {
    new("POST", path, status, handler)
}

const fn missing(method: &'static str, path: &'static str, what: &'static str) -> Operation {
    new(method, path, 501, Handler::Missing(what))
}

impl Operation {
    const fn since(mut self, version: ApiVersion) -> Self {
        self.since = version;
        self
    }

    const fn until(mut self, version: ApiVersion) -> Self {
        self.until = Some(version);
        self
    }

    const fn conditional(mut self) -> Self {
        self.conditions = Conditions::All;
        self
    }

    const fn conditional_by_date(mut self) -> Self {
        self.conditions = Conditions::Dates;
        self
    }

    const fn ranged(mut self) -> Self {
        self.has_range = true;
        self
    }

    const fn forceable(mut self) -> Self {
        self.is_forceable = true;
        self
    }

    const fn max_timeout(mut self, seconds: u64) -> Self {
        self.max_timeout_seconds = seconds;
        self
    }

    const fn replies(mut self, headers: ReplyHeaders) -> Self {
        self.headers = headers;
        self
    }

    /// All operations of the service that the crate knows of, including those that it does not implement.
    pub fn all() -> &'static [Self] {
        OPERATIONS
    }

    /// Whether the crate has the operation. If not, the answer is 501 ([Q9](crate::evidence#q9)).
    pub fn is_implemented(&self) -> bool {
        !matches!(self.handler, Handler::Missing(_))
    }

    /// Whether an api-version has the operation ([Q12](crate::evidence#q12)).
    pub fn is_known_to(&self, version: ApiVersion) -> bool {
        self.since <= version && self.until.is_none_or(|until| version < until)
    }

    /// Finds the operation of a method and a path without a query ([S5](crate::evidence#s5)).
    ///
    /// # Errors
    /// `InvalidUri` for a path that names nothing, `UnsupportedHttpVerb` for one that does not take the
    /// method in any api-version.
    pub fn find(method: &str, path: &str) -> Result<&'static Self, ErrorCode> {
        Found::new(method, path).map(|found| found.operation)
    }

    /// Whether all that the operation reads is in the query, which comes before the headers (S5).
    pub(super) fn reads_query_only(&self) -> bool {
        self.method == "GET" && self.is_implemented()
    }
}

/// No path of the table has more segments.
const MOST_SEGMENTS: usize = 6;

/// A path of the table, cut into segments while the crate is compiled, because every request is compared
/// with many rows.
#[derive(Clone, Copy, Debug)]
struct Pattern([Segment; MOST_SEGMENTS + 1]);

/// What a segment of a path must be.
#[derive(Clone, Copy, Debug)]
enum Segment {
    /// This text.
    Text(&'static str),
    /// An id, with this text before it.
    Id(&'static str),
    /// Whatever comes, one segment at least.
    Rest,
    /// Nothing: the path is over.
    End,
}

impl Pattern {
    #[allow(clippy::indexing_slicing, reason = "the compiler reports it")]
    const fn of(path: &'static str) -> Self {
        let mut segments = [Segment::End; MOST_SEGMENTS + 1];
        let (mut count, mut rest) = (0, path);
        while let [b'/', ..] = rest.as_bytes() {
            let (segment, after) = rest.split_at(1).1.split_at(find(b'/', rest.split_at(1).1));
            let prefix = segment.split_at(find(b'{', segment)).0;
            segments[count] = match segment.as_bytes() {
                b"{..}" => Segment::Rest,
                _ if prefix.len() < segment.len() => Segment::Id(prefix),
                _ => Segment::Text(segment),
            };
            (count, rest) = (count + 1, after);
        }
        Self(segments)
    }

    fn matches(&self, path: &Path<'_>) -> bool {
        for (expected, segment) in self.0.iter().zip(&path.0) {
            let is_match = match (expected, segment) {
                (Segment::End, None) | (Segment::Rest, Some(_)) => return true,
                (Segment::Text(text), Some(segment)) => *text == segment.decoded,
                (Segment::Id(prefix), Some(segment)) => segment.decoded.starts_with(prefix),
                (Segment::Text(_) | Segment::Id(_) | Segment::Rest, None) | (Segment::End, Some(_)) => false,
            };
            if !is_match {
                return false;
            }
        }
        false
    }
}

/// The place of the first such byte, or the end.
#[allow(clippy::indexing_slicing, reason = "the compiler reports it")]
const fn find(byte: u8, text: &str) -> usize {
    let mut place = 0;
    while place < text.len() && text.as_bytes()[place] != byte {
        place += 1;
    }
    place
}

/// The path of a request, cut into its first segments. Of a longer path the last of them is followed by
/// others.
struct Path<'a>([Option<PathSegment<'a>>; MOST_SEGMENTS + 1]);

struct PathSegment<'a> {
    decoded: Cow<'a, str>,
    /// This segment and all that follow, as they came.
    rest: &'a str,
}

impl<'a> Path<'a> {
    /// `None` for what is no path.
    fn new(path: &'a str) -> Option<Self> {
        let mut rest = Some(path.strip_prefix('/')?);
        Some(Self([(); MOST_SEGMENTS + 1].map(|()| {
            let from_here = rest?;
            let (segment, after) = cut(from_here, b'/');
            rest = after;
            Some(PathSegment { decoded: decode(segment), rest: from_here })
        })))
    }
}

/// An operation with the ids that a path names.
pub(super) struct Found<'a> {
    pub(super) operation: &'static Operation,
    first: Cow<'a, str>,
    second: Cow<'a, str>,
    /// What comes after the segment that follows the second id: a path or a user's name.
    rest: Cow<'a, str>,
}

impl<'a> Found<'a> {
    pub(super) fn new(method: &str, path: &'a str) -> Result<Self, ErrorCode> {
        let path = Path::new(path).ok_or(ErrorCode::InvalidUri)?;
        let mut is_known = false;
        for operation in OPERATIONS {
            if operation.pattern.matches(&path) {
                if operation.method == method {
                    return Ok(Self::with_ids(operation, path));
                }
                is_known = true;
            }
        }
        Err(not_found(is_known))
    }

    /// Refuses an operation that the api-version does not have, as if the table did not have it (Q12).
    pub(super) fn check_version(&self, version: ApiVersion) -> Result<(), ErrorCode> {
        if self.operation.is_known_to(version) {
            return Ok(());
        }
        let mut others = OPERATIONS.iter().filter(|row| row.path == self.operation.path);
        Err(not_found(others.any(|row| row.is_known_to(version))))
    }

    /// Ids stand in the second and in the fourth segment; the sixth is a user's name, or a path begins there.
    fn with_ids(operation: &'static Operation, Path(segments): Path<'a>) -> Self {
        let [_, first, _, second, _, sixth, _] = segments;
        let id =
            |segment: Option<PathSegment<'a>>| segment.map(|segment| segment.decoded).unwrap_or_default();
        let rest = sixth.map(|segment| decode(segment.rest)).unwrap_or_default();
        Self { operation, first: id(first), second: id(second), rest }
    }

    /// Lets the operation read the request.
    pub(super) fn read(&self, reading: Reading<'_>) -> Result<Work, BatchError> {
        let job = || JobId::new(&self.first).map_err(|_| ErrorCode::JobNotFound);
        let task = || TaskId::new(&self.second).map_err(|_| ErrorCode::TaskNotFound);
        let pool = || PoolId::new(&self.first).map_err(|_| ErrorCode::PoolNotFound);
        let node = || NodeId::new(&self.second).map_err(|_| ErrorCode::NodeNotFound);
        let act = match self.operation.handler {
            Handler::Account(handler) => handler(reading),
            Handler::Job(handler) => handler(job(), reading),
            Handler::Task(handler) => handler(job(), task(), reading),
            Handler::JobSchedule(handler) => {
                handler(JobScheduleId::new(&self.first).map_err(|_| ErrorCode::JobScheduleNotFound), reading)
            }
            Handler::Pool(handler) => handler(pool(), reading),
            Handler::Node(handler) => handler(pool(), node(), reading),
            Handler::NodeUser(handler) => {
                let user = UserName::new(&*self.rest).map_err(|_| ErrorCode::NodeUserNotFound);
                handler(pool(), node(), user, reading)
            }
            Handler::TaskFiles(handler) => {
                return handler(FileOwner::Task(job(), task()), &self.rest, reading).map(Work::Files);
            }
            Handler::NodeFiles(handler) => {
                return handler(FileOwner::Node(pool(), node()), &self.rest, reading).map(Work::Files);
            }
            Handler::Missing(what) => Err(BatchError::not_implemented(&alloc::format!(
                "Not implemented by this emulation of the service: {what}."
            ))),
        };
        act.map(Work::Act)
    }
}

/// The refusal of a request that no row matches.
fn not_found(is_path_known: bool) -> ErrorCode {
    if is_path_known { ErrorCode::UnsupportedHttpVerb } else { ErrorCode::InvalidUri }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_takes_the_ids_of_its_path() {
        for operation in OPERATIONS {
            let segments: Vec<&str> = operation.path.split('/').collect();
            // There are no applications, so no handler takes the id of one (Q11).
            let is_id = |segment: &&str| segment.starts_with('{') && *segment != "{application}";
            let ids = |place: usize| segments.get(place).copied().filter(is_id);
            let expected = match operation.handler {
                Handler::Account(_) => (None, None),
                Handler::Job(_) => (Some("{job}"), None),
                Handler::Task(_) | Handler::TaskFiles(_) => (Some("{job}"), Some("{task}")),
                Handler::JobSchedule(_) => (Some("{schedule}"), None),
                Handler::Pool(_) => (Some("{pool}"), None),
                Handler::Node(_) | Handler::NodeUser(_) | Handler::NodeFiles(_) => {
                    (Some("{pool}"), Some("{node}"))
                }
                Handler::Missing(_) => continue,
            };
            assert_eq!((ids(2), ids(4)), expected, "{} {}", operation.method, operation.path);
        }
    }

    #[test]
    fn the_guide_lists_what_is_missing() {
        let guide = include_str!("../guide.md");
        let section = guide.split("## What is not implemented").nth(1).unwrap();
        let list: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("- ")).take(4).collect();
        let mut listed: Vec<&str> =
            list.iter().flat_map(|line| line.trim_end_matches([';', '.']).split(", ")).collect();
        let mut missing: Vec<&str> = OPERATIONS
            .iter()
            .filter_map(|operation| match operation.handler {
                Handler::Missing(what) => Some(what),
                Handler::Account(_)
                | Handler::Job(_)
                | Handler::Task(_)
                | Handler::JobSchedule(_)
                | Handler::Pool(_)
                | Handler::Node(_)
                | Handler::NodeUser(_)
                | Handler::TaskFiles(_)
                | Handler::NodeFiles(_) => None,
            })
            .collect();
        for list in [&mut listed, &mut missing] {
            list.sort_unstable();
            list.dedup();
        }
        assert_eq!(listed, missing);
    }

    #[test]
    fn no_two_rows_match_one_request() {
        for (place, operation) in OPERATIONS.iter().enumerate() {
            let example = operation.path.replace("({", "(").replace("})", ")").replace(['{', '}'], "");
            let path = Path::new(&example).unwrap();
            let rows = OPERATIONS.iter().enumerate();
            let found: Vec<usize> = rows
                .filter(|(_, row)| row.method == operation.method && row.pattern.matches(&path))
                .map(|(row, _)| row)
                .collect();
            assert_eq!(found, [place], "{} {}", operation.method, operation.path);
        }
    }

    #[test]
    fn a_path_or_method_that_is_not_in_the_table_is_refused() {
        let found = |method, path| Operation::find(method, path).map(|operation| operation.path);
        assert_eq!(found("GET", "/jobs/a%2Fb"), Ok("/jobs/{job}"));
        assert_eq!(found("GET", "/jobs/"), Ok("/jobs/{job}"));
        assert_eq!(found("GET", "/certificates(thumbprint=1)"), Ok("/certificates({key})"));
        assert_eq!(found("HEAD", "/jobs/j/tasks/t/files/a/b/c"), Ok("/jobs/{job}/tasks/{task}/files/{..}"));
        for path in ["", "jobs", "/", "/job", "/jobs/j/", "/jobs/j/terminate/", "/jobs/j/tasks/t/x", "/Jobs"]
        {
            assert_eq!(found("GET", path), Err(ErrorCode::InvalidUri), "{path}");
        }
        for (method, path) in [("get", "/jobs"), ("GET", "/jobs/j/terminate"), ("PUT", "/supportedimages")] {
            assert_eq!(found(method, path), Err(ErrorCode::UnsupportedHttpVerb), "{method} {path}");
        }
    }
}

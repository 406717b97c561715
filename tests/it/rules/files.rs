//! Files of tasks and nodes: V1 to V9.

use std::collections::BTreeMap;

use azbatch::{
    Timestamp,
    node::NodeEvent,
    rest::{
        self, ContentType, FileAccess, FileContent, FileEntry, FileItem, FileMetadata, FilePath, FileProblem,
        FileTimes, Guid, Prepared, Response,
    },
};
use serde_json::{Value, json};

use crate::world::{Sent, URL, World, secs, text, told};

const FILES: &str = "/jobs/job/tasks/t/files";
const TASK_DIRECTORY: &str = "workitems/job/job-1/t";

/// A host with a node `n1`, on which files are by their paths below its root directory; a path without
/// content is of a directory.
struct Host {
    world: World,
    disk: BTreeMap<FilePath, Option<&'static str>>,
}

/// When every file was last modified.
fn modified() -> Timestamp {
    Timestamp::parse_iso8601("2026-02-10T07:59:58.25Z").unwrap()
}

fn times() -> FileTimes {
    FileTimes { created: None, last_modified: modified() }
}

impl Host {
    /// The task `t` of the job `job` has ended on `n1`.
    fn new() -> Self {
        let mut host = Self::running();
        host.world.ends("job", "t", "n1", 0);
        host
    }

    fn running() -> Self {
        let mut host = Self::active();
        host.world.run("job", "t", "n1");
        host
    }

    fn active() -> Self {
        let world = World::with_tasks(&["t"]);
        let disk = [
            ("workitems/job/job-1/t", None),
            ("workitems/job/job-1/t/stdout.txt", Some("0123456789")),
            ("workitems/job/job-1/t/stderr.txt", Some("")),
            ("workitems/job/job-1/t/wd", None),
            ("workitems/job/job-1/t/wd/a b.bin", Some("\0\u{1}")),
            ("workitems/job/job-1/t/wd/deep", None),
            ("workitems/job/job-1/t/wd/deep/x.txt", Some("x")),
            ("shared", None),
            ("shared/note.txt", Some("note")),
        ];
        let disk = disk.into_iter().map(|(path, content)| (path.parse().unwrap(), content)).collect();
        Self { world, disk }
    }

    /// The answer to a request, from whatever the host has.
    fn ask(&mut self, line: &str, headers: &[(&str, &str)]) -> Response {
        let mut sent = Sent::new(line, "");
        for (name, value) in headers {
            sent = sent.header(name, *value);
        }
        let now = self.world.now;
        sent.request(now, Guid::from_u128(1), |request| match rest::prepare(request, URL, now) {
            Err(refusal) => refusal,
            Ok(Prepared::File(file)) => match file.decide(&self.world.account, now) {
                Err(refusal) => refusal,
                Ok(access) => self.look_up(access, now),
            },
            Ok(other) => panic!("{other:?}"),
        })
    }

    fn told(&mut self, line: &str) -> String {
        told(&self.ask(line, &[]))
    }

    fn look_up(&mut self, access: FileAccess<'_>, now: Timestamp) -> Response {
        assert_eq!(access.place().placement().node.as_str(), "n1");
        match access {
            FileAccess::List(list) => {
                let (place, recursive) = (list.place().directory(), list.is_recursive());
                list.answer(Ok(self.list(place.as_ref(), recursive)), now)
            }
            FileAccess::Get(get) => {
                let found = match self.find(&below(get.place().directory().as_ref(), get.path())) {
                    Ok((FileItem::File(metadata), Some(content))) => {
                        let part = get.bytes_of(metadata.content_length);
                        let part = part.start.try_into().unwrap()..part.end.try_into().unwrap();
                        Ok(FileContent { metadata, bytes: content.as_bytes()[part].to_vec() })
                    }
                    Ok(_) => Err(FileProblem::NotFound),
                    Err(problem) => Err(problem),
                };
                get.answer(found, now)
            }
            FileAccess::Properties(properties) => {
                let path = below(properties.place().directory().as_ref(), properties.path());
                properties.answer(self.find(&path).map(|(item, _)| item), now)
            }
            FileAccess::Delete(delete) => {
                let path = below(delete.place().directory().as_ref(), delete.path());
                let (is_empty, recursive) = (self.list(Some(&path), true).is_empty(), delete.is_recursive());
                let allowed = if is_empty || recursive { Ok(()) } else { Err(FileProblem::InUse) };
                let deleted = self.find(&path).and(allowed);
                if deleted.is_ok() {
                    self.disk.retain(|other, _| {
                        *other != path && !other.as_str().starts_with(&format!("{path}/"))
                    });
                }
                delete.answer(deleted, now)
            }
        }
    }

    fn find(&self, path: &FilePath) -> Result<(FileItem, Option<&'static str>), FileProblem> {
        let content = *self.disk.get(path).ok_or(FileProblem::NotFound)?;
        let file = |content: &str| FileMetadata {
            times: times(),
            content_length: content.len().try_into().unwrap(),
            content_type: ContentType::of(content.as_bytes()),
            mode: Some(0o100_644),
        };
        Ok((content.map_or(FileItem::Directory(times()), |content| FileItem::File(file(content))), content))
    }

    /// In the reverse order, which must not matter.
    fn list(&self, directory: Option<&FilePath>, recursive: bool) -> Vec<FileEntry> {
        let prefix = directory.map_or_else(String::new, |directory| format!("{directory}/"));
        let below =
            self.disk.keys().rev().filter_map(|path| Some((path, path.as_str().strip_prefix(&prefix)?)));
        let shown = below.filter(|(_, name)| recursive || !name.contains('/'));
        shown
            .map(|(path, name)| FileEntry { path: name.parse().unwrap(), item: self.find(path).unwrap().0 })
            .collect()
    }
}

fn below(directory: Option<&FilePath>, path: &FilePath) -> FilePath {
    directory.map_or_else(|| path.clone(), |directory| format!("{directory}/{path}").parse().unwrap())
}

fn names(response: &Response) -> Vec<String> {
    assert_eq!(response.status, 200, "{}", text(response));
    let body: Value = serde_json::from_str(text(response)).unwrap();
    let items = body["value"].as_array().unwrap();
    items.iter().map(|item| item["name"].as_str().unwrap().to_string()).collect()
}

/// V1: of a task and of a node, and the same file by either way.
#[test]
fn files_are_below_their_task_or_their_node() {
    let mut host = Host::new();
    for path in
        [format!("{FILES}/stdout.txt"), format!("/pools/pool/nodes/n1/files/{TASK_DIRECTORY}/stdout.txt")]
    {
        let response = host.ask(&format!("GET {path}"), &[]);
        assert_eq!((response.status, response.body.as_slice()), (200, b"0123456789".as_slice()), "{path}");
    }
    assert_eq!(names(&host.ask("GET /pools/pool/nodes/n1/files", &[])), ["shared"]);
}

/// V1: as `rest::answer` answers it.
#[test]
fn a_host_without_files_has_none() {
    let mut world = Host::new().world;
    assert_eq!(world.shown(FILES)["value"], json!([]));
    for method in ["GET", "HEAD", "DELETE"] {
        let reply = world.send(&format!("{method} {FILES}/stdout.txt"), "");
        assert_eq!(reply.told().split(' ').next(), Some("404"), "{method}");
    }
    assert_eq!(world.send(&format!("GET {FILES}/stdout.txt"), "").told(), "404 FileNotFound");
    assert_eq!(world.send("GET /pools/pool/nodes/n1/files/x", "").told(), "404 FileNotFound");
}

/// V2
#[test]
fn a_path_is_decoded_and_stays_below_its_directory() {
    let mut host = Host::new();
    for path in ["wd/a%20b.bin", "wd%5Ca%20b.bin", "wd%2fa%20b.bin", "/wd//./a%20b.bin"] {
        assert_eq!(host.told(&format!("GET {FILES}/{path}")), "200", "{path}");
    }
    for path in [
        "../t/stdout.txt",
        "..%2Ft%2Fstdout.txt",
        "wd%5C..%5Cstdout.txt",
        "%2E%2E/t/stdout.txt",
        "/workitems/job/job-1/t/stdout.txt",
        "stdout.txt%00",
        "",
        ".",
        "a%20b.bin",
    ] {
        assert_eq!(host.told(&format!("GET {FILES}/{path}")), "404 FileNotFound", "{path}");
    }
}

/// V3: by the task's state and by the time.
#[test]
fn a_task_has_files_from_its_start_until_its_retention_is_over() {
    let mut host = Host::active();
    let response = host.ask(&format!("GET {FILES}"), &[]);
    assert_eq!(told(&response), "409 OperationInvalidForCurrentState");
    let reason = "The files of the specified task cannot be accessed as the task state is still active";
    assert!(text(&response).contains(reason), "{}", text(&response));
    let mut host = Host::running();
    assert_eq!(host.told(&format!("GET {FILES}/stdout.txt")), "200");
    host.world.ends("job", "t", "n1", 0);
    let end = host.world.value("/jobs/job/tasks/t", "/executionInfo/endTime");
    let end = Timestamp::parse_iso8601(end.as_str().unwrap()).unwrap();
    let retention = secs(7 * 24 * 60 * 60);
    for (now, expected) in [
        (end.saturating_add(retention), "409 TaskFilesCleanedup"),
        (Timestamp::from_ticks(end.saturating_add(retention).ticks() - 1).unwrap(), "200"),
    ] {
        host.world.now = now;
        assert_eq!(host.told(&format!("GET {FILES}/stdout.txt")), expected, "{now}");
        assert_eq!(host.told("GET /pools/pool/nodes/n1/files/shared/note.txt"), "200", "it is of the node");
    }
}

/// V3: by what has become of the node.
#[test]
fn files_are_as_near_as_their_node() {
    for (event, of_task, of_node) in [
        (NodeEvent::Lost, "409 NodeNotReady", "409 NodeNotReady"),
        (NodeEvent::Unusable, "409 NodeNotReady", "409 NodeNotReady"),
        (NodeEvent::Rebooted, "200", "200"),
        (NodeEvent::Preempted, "409 TaskFilesUnavailable", "409 NodeNotReady"),
        (NodeEvent::Removed, "409 TaskFilesUnavailable", "404 NodeNotFound"),
    ] {
        let mut host = Host::new();
        host.world.node("n1", event);
        assert_eq!(host.told(&format!("GET {FILES}")), of_task, "{event:?}");
        assert_eq!(host.told("GET /pools/pool/nodes/n1/files"), of_node, "{event:?}");
    }
}

/// V3: an action that waits for the node's tasks does not keep anybody from their files.
#[test]
fn a_node_that_is_being_changed_cannot_be_asked() {
    let mut host = Host::running();
    let waits = r#"{"nodeRebootOption":"taskcompletion"}"#;
    assert_eq!(host.world.send("POST /pools/pool/nodes/n1/reboot", waits).told(), "202");
    assert_eq!(host.told(&format!("GET {FILES}")), "200");
    host.world.ends("job", "t", "n1", 0);
    host.world.tick();
    assert_eq!(host.told(&format!("GET {FILES}")), "409 NodeNotReady");
    host.world.node("n1", NodeEvent::Rebooted);
    assert_eq!(host.told(&format!("GET {FILES}")), "200");
    assert_eq!(host.world.send("POST /pools/pool/nodes/n1/deallocate", "").told(), "202");
    host.world.tick();
    host.world.node("n1", NodeEvent::Deallocated);
    assert_eq!(host.told(&format!("GET {FILES}")), "409 TaskFilesUnavailable");
    assert_eq!(host.told("GET /pools/pool/nodes/n1/files"), "409 NodeNotReady");
}

/// V3: a task that never got to a node.
#[test]
fn a_task_without_a_node_has_no_files() {
    let mut host = Host::active();
    assert_eq!(host.world.send("POST /jobs/job/tasks/t/terminate", "").told(), "204");
    assert_eq!(host.told(&format!("GET {FILES}")), "409 TaskFilesUnavailable");
}

/// V4
#[test]
fn a_list_has_what_is_in_the_directory() {
    let mut host = Host::new();
    assert_eq!(names(&host.ask(&format!("GET {FILES}"), &[])), ["stderr.txt", "stdout.txt", "wd"]);
    let all = ["stderr.txt", "stdout.txt", "wd", "wd/a b.bin", "wd/deep", "wd/deep/x.txt"];
    assert_eq!(names(&host.ask(&format!("GET {FILES}?recursive=True"), &[])), all);
    assert_eq!(host.told(&format!("GET {FILES}?recursive=1")), "400 InvalidQueryParameterValue");
    let response = host.ask(
        &format!("GET {FILES}?recursive=true&$filter=startswith(name,'wd/a')%20or%20name%20eq%20'wd'"),
        &[],
    );
    let expected = json!({
        "odata.metadata": format!("{URL}/$metadata#files"),
        "value": [{
            "name": "wd",
            "url": format!("{URL}{FILES}/wd"),
            "isDirectory": true,
        }, {
            "name": "wd/a b.bin",
            "url": format!("{URL}{FILES}/wd/a%20b.bin"),
            "isDirectory": false,
            "properties": {
                "lastModified": "2026-02-10T07:59:58.25Z",
                "contentLength": "2",
                "contentType": "application/octet-stream",
                "fileMode": "0o100644",
            },
        }],
    });
    assert_eq!(serde_json::from_str::<Value>(text(&response)).unwrap(), expected);
    let directories = host.ask(&format!("GET {FILES}?recursive=true&$filter=isDirectory%20eq%20true"), &[]);
    assert_eq!(names(&directories), ["wd", "wd/deep"]);
}

/// V4, Q7, Q8: page by page, also where a name must be escaped in the link.
#[test]
fn a_long_list_has_pages() {
    let mut host = Host::new();
    let mut target = format!("{FILES}?recursive=true&maxresults=1");
    let mut seen = Vec::new();
    loop {
        let response = host.ask(&format!("GET {target}"), &[]);
        seen.extend(names(&response));
        let body: Value = serde_json::from_str(text(&response)).unwrap();
        let Some(next) = body["odata.nextLink"].as_str() else { break };
        target = next.strip_prefix(URL).unwrap().to_string();
        assert!(!target.contains(' ') && seen.len() < 10, "{target}");
    }
    assert_eq!(seen, names(&host.ask(&format!("GET {FILES}?recursive=true"), &[])));
}

/// V5: as recorded, but for the mode, which a Linux node adds.
#[test]
fn what_is_known_of_a_file_is_in_headers() {
    let mut host = Host::new();
    let url = "https%3A%2F%2Fcontoso.westus.batch.azure.com%2Fjobs%2Fjob%2Ftasks%2Ft%2Ffiles%2Fstdout.txt";
    for (method, body, length) in [("GET", "0123456789", None), ("HEAD", "", Some("10"))] {
        let response = host.ask(&format!("{method} {FILES}/stdout.txt"), &[]);
        let mut expected = vec![
            ("request-id", "00000000-0000-0000-0000-000000000001"),
            ("DataServiceVersion", "3.0"),
            ("ocp-batch-file-isdirectory", "False"),
            ("ocp-batch-file-url", url),
            ("Last-Modified", "Tue, 10 Feb 2026 07:59:58 GMT"),
            ("ocp-batch-file-mode", "0o100644"),
            ("Content-Type", "text/plain"),
        ];
        expected.extend(length.map(|length| ("Content-Length", length)));
        let headers: Vec<(&str, &str)> = response.headers.iter().collect();
        assert_eq!((response.status, text(&response), headers), (200, body, expected), "{method}");
    }
    let binary = host.ask(&format!("HEAD {FILES}/wd%5Ca%20b.bin"), &[]);
    assert_eq!(binary.header("Content-Type"), Some("application/octet-stream"));
    assert!(binary.header("ocp-batch-file-url").unwrap().ends_with("wd%2Fa%2520b.bin"));
}

/// V5
#[test]
fn a_directory_has_properties_but_no_content() {
    let mut host = Host::new();
    let response = host.ask(&format!("HEAD {FILES}/wd"), &[]);
    assert_eq!((response.status, response.header("ocp-batch-file-isdirectory")), (200, Some("True")));
    assert_eq!((response.header("Content-Length"), response.header("Content-Type")), (Some("0"), None));
    assert_eq!(host.told(&format!("GET {FILES}/wd")), "404 FileNotFound");
}

/// V5: on a Windows node.
#[test]
fn a_creation_time_is_shown_where_it_is_known() {
    let host = Host::new();
    let now = host.world.now;
    let created = Some(Timestamp::parse_iso8601("2026-02-10T07:00:00Z").unwrap());
    let item = FileItem::File(FileMetadata {
        times: FileTimes { created, ..times() },
        content_length: 1,
        content_type: ContentType::Text,
        mode: None,
    });
    let ask = |line: &str| {
        Sent::new(line, "").request(now, Guid::from_u128(1), |request| {
            let Ok(Prepared::File(file)) = rest::prepare(request, URL, now) else { panic!("{line}") };
            match file.decide(&host.world.account, now).unwrap() {
                FileAccess::List(list) => {
                    list.answer(Ok(vec![FileEntry { path: "x".parse().unwrap(), item }]), now)
                }
                FileAccess::Properties(properties) => properties.answer(Ok(item), now),
                other @ (FileAccess::Get(_) | FileAccess::Delete(_)) => panic!("{other:?}"),
            }
        })
    };
    let head = ask(&format!("HEAD {FILES}/x"));
    assert_eq!(head.header("ocp-creation-time"), Some("Tue, 10 Feb 2026 07:00:00 GMT"));
    assert_eq!(head.header("ocp-batch-file-mode"), None);
    let list: Value = serde_json::from_str(text(&ask(&format!("GET {FILES}")))).unwrap();
    assert_eq!(list["value"][0]["properties"]["creationTime"], "2026-02-10T07:00:00Z");
    assert_eq!(list["value"][0]["properties"]["fileMode"], Value::Null);
}

/// V6: a file has no ETag, so only dates count.
#[test]
fn conditions_on_a_file_are_dates() {
    let (before, at) = ("Tue, 10 Feb 2026 07:59:57 GMT", "Tue, 10 Feb 2026 07:59:58 GMT");
    for (name, value, expected) in [
        ("If-Modified-Since", before, "200"),
        ("If-Modified-Since", at, "304"),
        ("If-Unmodified-Since", before, "412"),
        ("If-Unmodified-Since", at, "200"),
        ("If-Match", "0x1", "200"),
        ("If-None-Match", "*", "200"),
    ] {
        for method in ["GET", "HEAD"] {
            let response = Host::new().ask(&format!("{method} {FILES}/stdout.txt"), &[(name, value)]);
            assert_eq!(response.status.to_string(), expected, "{method} {name}: {value}");
            if response.status == 304 {
                assert_eq!((response.header("Last-Modified"), response.header("ETag")), (Some(at), None));
                assert!(response.body.is_empty());
            }
        }
    }
    let deleted = Host::new().ask(&format!("DELETE {FILES}/stdout.txt"), &[("If-Unmodified-Since", before)]);
    assert_eq!(deleted.status, 200, "a deletion has no conditions");
}

/// V7: the host learns which part is asked for.
#[test]
fn a_host_is_told_the_range() {
    let host = Host::new();
    let now = host.world.now;
    let range = |sent: Sent| {
        sent.request(now, Guid::from_u128(1), |request| {
            let Ok(Prepared::File(file)) = rest::prepare(request, URL, now) else { panic!("a file") };
            match file.decide(&host.world.account, now).unwrap() {
                FileAccess::Get(get) => {
                    (get.range().map(|range| range.within(10).unwrap()), get.bytes_of(10))
                }
                other @ (FileAccess::List(_) | FileAccess::Properties(_) | FileAccess::Delete(_)) => {
                    panic!("{other:?}")
                }
            }
        })
    };
    let get = || Sent::new(&format!("GET {FILES}/stdout.txt"), "");
    assert_eq!(range(get()), (None, 0..10));
    assert_eq!(range(get().header("ocp-range", "bytes=2-3")), (Some(2..4), 2..4));
}

/// V7
#[test]
fn a_part_of_a_file_can_be_read() {
    let mut host = Host::new();
    let line = format!("GET {FILES}/stdout.txt");
    for (range, part) in [("bytes=0-3", "0123"), ("bytes=8-", "89"), ("bytes=9-99", "9")] {
        let response = host.ask(&line, &[("ocp-range", range)]);
        assert_eq!((response.status, text(&response)), (200, part), "{range}");
    }
    assert_eq!(told(&host.ask(&line, &[("ocp-range", "bytes=10-")])), "416 InvalidRange");
    assert_eq!(told(&host.ask(&line, &[("ocp-range", "bytes=x")])), "400 InvalidHeaderValue");
    let twice = [("ocp-range", "bytes=0-1"), ("OCP-Range", "bytes=2-3")];
    assert_eq!(told(&host.ask(&line, &twice)), "400 InvalidHeaderValue");
    let unmet = [("ocp-range", "bytes=10-"), ("If-Unmodified-Since", "Mon, 01 Jan 0001 00:00:00 GMT")];
    assert_eq!(told(&host.ask(&line, &unmet)), "412 ConditionNotMet", "the condition is judged first");
}

/// V8
#[test]
fn a_file_can_be_deleted_and_a_directory_with_what_is_in_it() {
    let mut host = Host::new();
    let response = host.ask(&format!("DELETE {FILES}/wd%5Cdeep%5Cx.txt?recursive=false"), &[]);
    let names: Vec<&str> = response.headers.iter().map(|(name, _)| name).collect();
    assert_eq!((response.status, text(&response)), (200, ""));
    assert_eq!(names, ["request-id", "DataServiceVersion"]);
    assert_eq!(host.told(&format!("GET {FILES}/wd/deep/x.txt")), "404 FileNotFound");
    assert_eq!(host.told(&format!("DELETE {FILES}/wd/deep")), "200", "it is empty");
    assert_eq!(host.told(&format!("DELETE {FILES}/wd")), "409 OperationNotValidOnNode");
    assert_eq!(host.told(&format!("DELETE {FILES}/wd?recursive=perhaps")), "400 InvalidQueryParameterValue");
    assert_eq!(host.told(&format!("DELETE {FILES}/wd?recursive=true")), "200");
    assert_eq!(host.told(&format!("HEAD {FILES}/wd")).split(' ').next(), Some("404"));
}

/// V9: the job, the task, their state, then the file.
#[test]
fn what_is_missing_is_missed_from_the_outside_in() {
    let mut host = Host::new();
    for (path, code) in [
        ("/jobs/none/tasks/t/files/x", "404 JobNotFound"),
        ("/jobs/a%20b/tasks/t/files/x", "404 JobNotFound"),
        ("/jobs/job/tasks/none/files/..", "404 TaskNotFound"),
        ("/jobs/job/tasks/t/files/x", "404 FileNotFound"),
        ("/pools/none/nodes/n1/files/x", "404 PoolNotFound"),
        ("/pools/pool/nodes/none/files/x", "404 NodeNotFound"),
        ("/pools/pool/nodes/n1/files/..", "404 FileNotFound"),
    ] {
        assert_eq!(host.told(&format!("GET {path}")), code, "{path}");
        assert_eq!(host.told(&format!("DELETE {path}")), code, "{path}");
    }
    host.world.node("n1", NodeEvent::Lost);
    assert_eq!(host.told(&format!("GET {FILES}/..")), "409 NodeNotReady");
}

/// V9: the host may know better than the account.
#[test]
fn a_host_can_say_that_the_node_does_not_answer() {
    let host = Host::new();
    let now = host.world.now;
    for (line, expected) in [
        (format!("GET {FILES}"), "409 NodeNotReady"),
        (format!("GET {FILES}/x"), "409 NodeNotReady"),
        (format!("DELETE {FILES}/x"), "409 NodeNotReady"),
    ] {
        let response = Sent::new(&line, "").request(now, Guid::from_u128(1), |request| {
            let Ok(Prepared::File(file)) = rest::prepare(request, URL, now) else { panic!("{line}") };
            let problem = FileProblem::NodeNotAnswering;
            match file.decide(&host.world.account, now).unwrap() {
                FileAccess::List(list) => list.answer(Err(problem), now),
                FileAccess::Get(get) => get.answer(Err(problem), now),
                FileAccess::Properties(properties) => properties.answer(Err(problem), now),
                FileAccess::Delete(delete) => delete.answer(Err(problem), now),
            }
        });
        assert_eq!(told(&response), expected, "{line}");
    }
}

/// F4: a request about files can be late too.
#[test]
fn a_request_about_files_can_time_out() {
    let host = Host::new();
    let (sent, now) = (Sent::get(FILES), host.world.now);
    let response = sent.request(now, Guid::from_u128(1), |request| {
        let Ok(Prepared::File(file)) = rest::prepare(request, URL, now) else { panic!("{FILES}") };
        file.decide(&host.world.account, now.saturating_add(secs(31))).unwrap_err()
    });
    assert_eq!(told(&response), "500 OperationTimedOut");
}

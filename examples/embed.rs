//! The core in a server of your own, with everything that HTTP needs. There are no nodes, and the service's own
//! transitions happen only when a request comes in; the package `azbatch-emulator` is a complete host.

use std::{
    error::Error,
    io::{self, Read},
    sync::{PoisonError, RwLock, atomic::AtomicU64, atomic::Ordering},
    thread,
};

use azbatch::{
    Account, Clock, Effect, SystemClock,
    rest::{self, Guid, Prepared},
};
use tiny_http::{Header, Response, Server};

/// The core refuses a body that is longer than the service takes; more need not be read.
const MAX_READ_BYTES: u64 = 2 * 1024 * 1024;

const THREADS: usize = 4;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let server = Server::http("127.0.0.1:10500")?;
    let account = RwLock::new(Account::new(&format!("http://{}", server.server_addr())));
    let numbers = AtomicU64::new(1);
    thread::scope(|scope| {
        let serve = || {
            server.incoming_requests().try_for_each(|request| {
                let request_id = Guid::from_u128(numbers.fetch_add(1, Ordering::Relaxed).into());
                answer(&account, request, request_id).or(Ok(())) // A broken connection ends alone.
            })
        };
        let threads = [(); THREADS].map(|()| scope.spawn(serve));
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })
}

fn answer(account: &RwLock<Account>, mut incoming: tiny_http::Request, request_id: Guid) -> io::Result<()> {
    let mut body = Vec::new();
    incoming.as_reader().take(MAX_READ_BYTES).read_to_end(&mut body)?;
    let headers = incoming.headers().iter();
    let headers: Vec<_> =
        headers.map(|header| (header.field.as_str().as_str(), header.value.as_bytes())).collect();
    let request = rest::Request {
        method: incoming.method().as_str(),
        target: incoming.url(),
        headers: &headers,
        body: &body,
        received: SystemClock.now(),
        request_id,
    };
    let (url, deadline) = {
        let account = account.read().unwrap_or_else(PoisonError::into_inner);
        (account.url().to_owned(), account.deadline())
    };
    if deadline.is_some_and(|deadline| deadline <= request.received) {
        carry_out(account.write().unwrap_or_else(PoisonError::into_inner).tick(SystemClock));
    }
    // The request is read outside any lock.
    let response = match rest::prepare(&request, &url, SystemClock) {
        Err(refusal) => refusal,
        Ok(Prepared::Read(read)) => {
            read.answer(&account.read().unwrap_or_else(PoisonError::into_inner), SystemClock)
        }
        Ok(Prepared::Write(write)) => {
            let mut account = account.write().unwrap_or_else(PoisonError::into_inner);
            let answer = write.answer(&mut account, SystemClock);
            carry_out(answer.effects);
            answer.response
        }
        // This host has no files; see `PreparedFile::decide` for one that has.
        Ok(Prepared::File(file)) => {
            file.answer(&account.read().unwrap_or_else(PoisonError::into_inner), SystemClock)
        }
    };
    let mut sent = Response::from_data(response.body).with_status_code(response.status);
    for (name, value) in &response.headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            sent.add_header(header);
        }
    }
    incoming.respond(sent)
}

fn carry_out(effects: Vec<Effect>) {
    for effect in effects {
        match effect {
            Effect::Fact(fact) => println!("   {fact}"), // A store would be told here.
            Effect::Instruction(instruction) => println!("-> {instruction}"), // And a node here.
        }
    }
}

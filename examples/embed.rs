//! The core in a server of your own: all that HTTP needs. No nodes here, and the service moves when a
//! request comes in; the package `azbatch-emulator` has everything.

use std::{error::Error, io::Read};

use azbatch::{Account, Clock, Effect, SystemClock, rest, rest::Guid};
use tiny_http::{Header, Response, Server};

/// A longer body is refused by the core all the same.
const MAX_READ_BYTES: u64 = 2 * 1024 * 1024;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let server = Server::http("127.0.0.1:10500")?;
    let mut account = Account::new(&format!("http://{}", server.server_addr()));
    for (number, mut incoming) in (1..).zip(server.incoming_requests()) {
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
            request_id: Guid::from_u128(number),
        };
        let moves = account.tick(SystemClock);
        let answer = rest::answer(&mut account, &request, SystemClock);
        for effect in moves.into_iter().chain(answer.effects) {
            match effect {
                Effect::Fact(fact) => println!("   {fact}"), // A store would be told here.
                Effect::Instruction(instruction) => println!("-> {instruction}"), // And a node here.
            }
        }
        let mut response = Response::from_data(answer.response.body).with_status_code(answer.response.status);
        for (name, value) in answer.response.headers {
            if let Ok(header) = Header::from_bytes(name, value) {
                response.add_header(header);
            }
        }
        incoming.respond(response).ok(); // The client may have gone.
    }
    Ok(())
}

//! The bodies of requests.

use std::time::Duration;

use axum::body::Body;
use azbatch::ErrorCode;
use http_body_util::BodyExt;
use tokio::time::timeout;

/// One byte more than the service takes is enough for the core to refuse a body (413).
const READ_AT_MOST: usize = 1024 * 1024 + 1;
/// What is read beyond that and thrown away, so that a client that is still sending gets the answer.
const DISCARD_AT_MOST: usize = 64 * 1024 * 1024;
/// How long a client has for a body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Reads a body up to the limit of the core, which refuses one that is longer.
///
/// # Errors
/// The refusal to answer: the body is broken, or takes too long.
pub async fn read(body: Body) -> Result<Vec<u8>, ErrorCode> {
    timeout(BODY_TIME, read_all(body)).await.unwrap_or(Err(ErrorCode::OperationTimedOut))
}

async fn read_all(mut body: Body) -> Result<Vec<u8>, ErrorCode> {
    let (mut bytes, mut discarded) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ErrorCode::InvalidRequestBody)?.into_data() else { continue };
        let (kept, rest) = data.split_at(data.len().min(READ_AT_MOST - bytes.len()));
        bytes.extend_from_slice(kept);
        discarded += rest.len();
        if discarded > DISCARD_AT_MOST {
            break;
        }
    }
    Ok(bytes)
}

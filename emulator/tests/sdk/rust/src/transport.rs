//! Plain HTTP/1.1 for `azure_core`, so that the client needs no TLS library: a connection a request.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use azure_core::{
    Body, HttpClient, Method, Request, Response, StatusCode,
    error::{Error, ErrorKind},
    headers::{HeaderName, HeaderValue, Headers},
};

#[derive(Debug)]
pub struct Plain;

#[async_trait::async_trait]
impl HttpClient for Plain {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<Response> {
        exchange(request).map_err(|error| Error::message(ErrorKind::Io, error.to_string()))
    }
}

fn exchange(request: &Request) -> Result<Response, Box<dyn std::error::Error>> {
    let url = request.url();
    let (host, port) = (url.host_str().ok_or("no host")?, url.port().ok_or("no port")?);
    let Body::Bytes(body) = request.body() else { return Err("a streamed body".into()) };

    let target = request.path_and_query();
    let mut head =
        format!("{} {target} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n", request.method());
    for (name, value) in request.headers().iter().filter(|(name, _)| name.as_str() != "content-length") {
        head += &format!("{}: {}\r\n", name.as_str(), value.as_str());
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect((host, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut reader = BufReader::new(stream);
    let mut lines = (&mut reader).lines().take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()));
    let status: u16 = lines.next().ok_or("no answer")??.split(' ').nth(1).ok_or("no status")?.parse()?;
    let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    let headers: HashMap<HeaderName, HeaderValue> = lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase().into(), value.trim().to_owned().into()))
        .collect();
    let length = lines
        .iter()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let length: usize =
        if *request.method() == Method::Head || status == 304 { 0 } else { length.unwrap_or(0) };
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let status = StatusCode::try_from(status).map_err(|error| error.to_string())?;
    let body = futures::stream::once(futures::future::ready(Ok(body.into())));
    Ok(Response::new(status, Headers::from(headers), Box::pin(body)))
}

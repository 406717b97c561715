//! What every operation reads in the same way: the query and the headers.

use alloc::{borrow::Cow, format, vec::Vec};

use crate::{
    BatchError, ErrorCode, ParseError, Preconditions, TimeSpan, Timestamp,
    condition::ConditionHeaders,
    rest::{
        guid::Guid,
        odata::{
            model::{Model, Name},
            version::ApiVersion,
        },
        percent::parameters,
        range::ByteRange,
    },
};

/// The longest a request may take, and the default (F4).
const TIMEOUT_SECONDS: u64 = 30;

/// The query parameters that any operation knows; of a repeated name the first counts.
#[derive(Default)]
pub(super) struct Query<'a> {
    api_version: Option<Cow<'a, str>>,
    timeout: Option<Cow<'a, str>>,
    force: Option<Cow<'a, str>>,
    recursive: Option<Cow<'a, str>>,
    max_results: Option<Cow<'a, str>>,
    select: Option<Cow<'a, str>>,
    pub(super) filter: Option<Cow<'a, str>>,
    pub(super) skip_token: Option<Cow<'a, str>>,
    ocp_date: Option<Cow<'a, str>>,
}

impl<'a> Query<'a> {
    /// Reads the part of a target after the question mark. Unknown names are ignored (F3).
    pub(super) fn parse(query: &'a str) -> Self {
        let mut found = Self::default();
        for parameter in parameters(query) {
            let name = parameter.name();
            let slot = match () {
                () if name.eq_ignore_ascii_case("api-version") => &mut found.api_version,
                () if name.eq_ignore_ascii_case("timeout") => &mut found.timeout,
                () if name.eq_ignore_ascii_case("force") => &mut found.force,
                () if name.eq_ignore_ascii_case("recursive") => &mut found.recursive,
                () if name.eq_ignore_ascii_case("maxresults") => &mut found.max_results,
                () if name.eq_ignore_ascii_case("$select") => &mut found.select,
                () if name.eq_ignore_ascii_case("$filter") => &mut found.filter,
                () if name.eq_ignore_ascii_case("$skiptoken") => &mut found.skip_token,
                () if name.eq_ignore_ascii_case("ocp-date") => &mut found.ocp_date,
                () => continue,
            };
            if slot.is_none() {
                *slot = Some(parameter.value());
            }
        }
        found
    }

    /// The api-version, which every request must name (Q1).
    pub(super) fn api_version(&self) -> Result<ApiVersion, BatchError> {
        let Some(text) = &self.api_version else {
            return Err(BatchError::from(ErrorCode::MissingRequiredQueryParameter)
                .with("QueryParameterName", "api-version"));
        };
        ApiVersion::parse(text).ok_or_else(|| {
            BatchError::invalid_query("api-version", text, "The specified api version string is invalid.")
        })
    }

    /// How long the request may take from its arrival (F4).
    pub(super) fn timeout(&self, longest: u64) -> Result<TimeSpan, BatchError> {
        let Some(text) = &self.timeout else { return Ok(TimeSpan::from_secs(TIMEOUT_SECONDS.min(longest))) };
        let seconds = integer("timeout", text)?;
        match u64::try_from(seconds) {
            Ok(seconds @ 1..) => Ok(TimeSpan::from_secs(seconds.min(longest))),
            Ok(0) | Err(_) => {
                Err(BatchError::invalid_query("timeout", text, "The value must be greater than zero."))
            }
        }
    }

    /// The most items on a page: what the client asks for, up to `max_items`, which is also the default (Q7).
    pub(super) fn max_results(&self, max_items: usize) -> Result<usize, BatchError> {
        const NAME: &str = "maxresults";
        let Some(text) = &self.max_results else { return Ok(max_items) };
        match usize::try_from(integer(NAME, text)?) {
            Ok(number @ 1..) if number <= max_items => Ok(number),
            Ok(0) | Err(_) => Err(BatchError::invalid_query(NAME, text, "MaxResults cannot be less than 1")),
            Ok(_) => {
                let reason = format!("MaxResults cannot be greater than {max_items}");
                Err(BatchError::invalid_query(NAME, text, &reason))
            }
        }
    }

    /// The properties that the answer is limited to, each once; nothing if none is named (Q3). One that
    /// the model does not have, or not in this api-version, is refused.
    pub(super) fn select(
        &self,
        model: &'static Model,
        version: ApiVersion,
    ) -> Result<Option<Vec<Name>>, BatchError> {
        let text = self.select.as_deref().unwrap_or_default();
        let mut selected = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let property = model.known_property(name, version).ok_or_else(|| {
                let reason = format!("The property '{name}' does not exist on the resource.");
                BatchError::invalid_query("$select", text, &reason)
            })?;
            if !selected.contains(&property.name) {
                selected.push(property.name);
            }
        }
        Ok((!selected.is_empty()).then_some(selected))
    }

    /// When the client sent the request, if the query says so (Q10).
    pub(super) fn sent_at(&self) -> Option<Result<Timestamp, ParseError>> {
        let text = self.ocp_date.as_deref().filter(|text| !text.is_empty())?;
        Some(Timestamp::parse_iso8601(text))
    }

    /// A malformed `ocp-date` is refused as the header is (Q10).
    pub(super) fn check_date(&self) -> Result<(), BatchError> {
        match (self.sent_at(), &self.ocp_date) {
            (Some(Err(_)), Some(text)) => Err(BatchError::invalid_header("ocp-date", text.as_bytes())),
            (None | Some(_), _) => Ok(()),
        }
    }

    /// Whether what is below a directory counts too: V4, V8.
    pub(super) fn recursive(&self) -> Result<bool, BatchError> {
        self.recursive.as_deref().map_or(Ok(false), |text| boolean("recursive", text))
    }

    /// Whether the request is to be forced (F3).
    pub(super) fn force(&self, version: ApiVersion) -> Result<bool, BatchError> {
        let Some(text) = &self.force else { return Ok(false) };
        if version < ApiVersion::FORCE {
            return Err(ErrorCode::UnsupportedQueryParameter.into());
        }
        boolean("force", text)
    }
}

fn boolean(name: &str, text: &str) -> Result<bool, BatchError> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(BatchError::invalid_query(name, text, "Not a valid boolean."))
    }
}

/// F4: no integer and one beyond 32 bits are two refusals.
fn integer(name: &str, text: &str) -> Result<i32, BatchError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BatchError::invalid_query(name, text, "Not a valid integer."));
    }
    text.parse().map_err(|_| {
        BatchError::from(ErrorCode::OutOfRangeQueryParameterValue)
            .with("QueryParameterName", name)
            .with("QueryParameterValue", text)
            .with("MinimumAllowed", format!("{}", i32::MIN))
            .with("MaximumAllowed", format!("{}", i32::MAX))
    })
}

/// Which of the four conditional headers an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conditions {
    /// None of them.
    None,
    /// `If-Modified-Since` and `If-Unmodified-Since`: for what has no ETag ([V6](crate::evidence#v6)).
    Dates,
    /// All four.
    All,
}

/// The headers that the crate knows, each as it was first sent, and the first that was sent twice. An
/// empty one counts as absent (H4).
#[derive(Default)]
pub(super) struct Headers<'a> {
    content_type: Option<&'a [u8]>,
    client_request_id: Option<&'a [u8]>,
    return_client_request_id: Option<&'a [u8]>,
    ocp_date: Option<&'a [u8]>,
    ocp_range: Option<&'a [u8]>,
    if_modified_since: Option<&'a [u8]>,
    if_unmodified_since: Option<&'a [u8]>,
    if_match: Option<Cow<'a, [u8]>>,
    if_none_match: Option<Cow<'a, [u8]>>,
    repeated: Option<(&'static str, &'a [u8])>,
    repeated_content_type: Option<(&'static str, &'a [u8])>,
    repeated_condition: Option<(&'static str, &'a [u8])>,
    repeated_range: Option<(&'static str, &'a [u8])>,
}

impl<'a> Headers<'a> {
    pub(super) fn collect(headers: &[(&'a str, &'a [u8])]) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            found.add(name, value);
        }
        found
    }

    fn add(&mut self, name: &str, value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let (known, slot, repeated) = match () {
            () if is("If-Match") => return join(&mut self.if_match, value),
            () if is("If-None-Match") => return join(&mut self.if_none_match, value),
            () if is("Content-Type") => {
                ("Content-Type", &mut self.content_type, &mut self.repeated_content_type)
            }
            () if is("client-request-id") => {
                ("client-request-id", &mut self.client_request_id, &mut self.repeated)
            }
            () if is("return-client-request-id") => {
                ("return-client-request-id", &mut self.return_client_request_id, &mut self.repeated)
            }
            () if is("ocp-date") => ("ocp-date", &mut self.ocp_date, &mut self.repeated),
            () if is("ocp-range") => ("ocp-range", &mut self.ocp_range, &mut self.repeated_range),
            () if is("If-Modified-Since") => {
                ("If-Modified-Since", &mut self.if_modified_since, &mut self.repeated_condition)
            }
            () if is("If-Unmodified-Since") => {
                ("If-Unmodified-Since", &mut self.if_unmodified_since, &mut self.repeated_condition)
            }
            () => return,
        };
        if value.trim_ascii().is_empty() {
            return;
        }
        if slot.is_none() {
            *slot = Some(value);
        } else if repeated.is_none() {
            *repeated = Some((known, value));
        }
    }

    /// The id to send back: only where the client asked for it, and only if it is a GUID (Q2).
    pub(super) fn echoed_client_request_id(&self) -> Option<Guid> {
        let wanted = self.return_client_request_id?.trim_ascii().eq_ignore_ascii_case(b"true");
        let id = self.client_request_id.filter(|_| wanted)?;
        Guid::parse_bytes(id.trim_ascii())
    }

    /// Reads the range, for an operation that takes one (V7); it must not be said twice (H4).
    pub(super) fn range(&self) -> Result<Option<ByteRange>, BatchError> {
        if let Some((name, value)) = self.repeated_range {
            return Err(BatchError::invalid_header(name, value));
        }
        self.ocp_range.map(ByteRange::parse).transpose()
    }

    /// Reads the conditional headers that an operation takes, and checks the others.
    ///
    /// `MultipleConditionHeadersNotSupported` before `InvalidHeaderValue` (S5).
    pub(super) fn check(&self, taken: Conditions, now: Timestamp) -> Result<Preconditions, BatchError> {
        let dates = ConditionHeaders {
            if_modified_since: self.if_modified_since,
            if_unmodified_since: self.if_unmodified_since,
            ..ConditionHeaders::default()
        };
        let (if_match, if_none_match) = (self.if_match.as_deref(), self.if_none_match.as_deref());
        let preconditions = match taken {
            Conditions::None => Preconditions::None,
            Conditions::Dates => Preconditions::parse(&dates, now)?,
            Conditions::All => {
                Preconditions::parse(&ConditionHeaders { if_match, if_none_match, ..dates }, now)?
            }
        };
        let repeated_condition = self.repeated_condition.filter(|_| taken != Conditions::None);
        if let Some((name, value)) = repeated_condition.or(self.repeated) {
            return Err(BatchError::invalid_header(name, value)); // H4
        }
        if let Some(date) = self.ocp_date {
            // Q10
            if Timestamp::parse_http_date(date.trim_ascii(), now).is_err() {
                return Err(BatchError::invalid_header("ocp-date", date));
            }
        }
        Ok(preconditions)
    }

    /// The content type of a body that is not empty must be JSON, and said once (B2, H4); its parameters
    /// do not matter.
    pub(super) fn check_content_type(&self) -> Result<(), BatchError> {
        if let Some((name, value)) = self.repeated_content_type {
            return Err(BatchError::invalid_header(name, value));
        }
        let value = self.content_type.unwrap_or_default();
        let media_type = value.split(|byte| *byte == b';').next().unwrap_or_default();
        if media_type.trim_ascii().eq_ignore_ascii_case(b"application/json") {
            Ok(())
        } else {
            Err(BatchError::invalid_header("Content-Type", value))
        }
    }
}

/// Tag lists that were sent in two headers are one list (RFC 9110 5.3).
fn join<'a>(slot: &mut Option<Cow<'a, [u8]>>, value: &'a [u8]) {
    match slot {
        None => *slot = Some(Cow::Borrowed(value)),
        Some(list) => {
            let list = list.to_mut();
            list.push(b',');
            list.extend_from_slice(value);
        }
    }
}

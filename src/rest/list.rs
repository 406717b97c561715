//! Lists: filtered, selected and cut into pages, the same way for everything there is a list of.

use alloc::{format, string::String, vec::Vec};

use crate::{
    Account, BatchError,
    rest::{
        exchange::{Context, Reading, Reply, keep_selected, metadata_at},
        odata::{filter::Filter, model::Model, write},
        percent::parameters,
        shown::Properties,
    },
};

/// The most items on a page of a list, and the default (Q7).
const MAX_PAGE_ITEMS: usize = 1000;

/// What a request asks of a list.
#[derive(Debug)]
pub(super) struct List {
    model: &'static Model,
    max_results: usize,
    filter: Option<Filter>,
    select: Option<Vec<&'static str>>,
    /// Where the previous page ended (Q8).
    pub(super) after: Option<String>,
}

impl List {
    /// Reads `maxresults`, `$filter`, `$select` and `$skipToken`.
    pub(super) fn read(reading: &Reading<'_>, model: &'static Model) -> Result<Self, BatchError> {
        Self::read_up_to(MAX_PAGE_ITEMS, reading, model)
    }

    /// Like [`read`](Self::read), for a list whose pages have at most `max_items` items.
    pub(super) fn read_up_to(
        max_items: usize,
        reading: &Reading<'_>,
        model: &'static Model,
    ) -> Result<Self, BatchError> {
        Ok(Self {
            model,
            max_results: reading.query.max_results(max_items)?,
            filter: reading
                .query
                .filter
                .as_deref()
                .map(|text| Filter::parse(text, model, reading.version))
                .transpose()?,
            select: reading.query.select(model, reading.version)?,
            after: reading.query.skip_token.as_deref().map(Into::into),
        })
    }

    /// The id at which the page before ended.
    pub(super) fn after_id<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, BatchError> {
        let parse = |token: &String| {
            parse(token).ok_or_else(|| {
                BatchError::invalid_query("$skiptoken", token, "The token is not one of a list.")
            })
        };
        self.after.as_ref().map(parse).transpose()
    }

    /// Replies with no items, for what an account of this crate has none of (Q11).
    pub(super) fn reply_empty(&self, account: &Account, context: &Context<'_>, set: &str) -> Reply {
        self.reply(account, context, set, core::iter::empty())
    }

    /// Replies with the first items that pass the filter, and with where to go on if there are more.
    /// Each item comes with the token of its place.
    pub(super) fn reply(
        &self,
        account: &Account,
        context: &Context<'_>,
        set: &str,
        items: impl Iterator<Item = (String, Properties)>,
    ) -> Reply {
        self.reply_at(account.url(), context, set, items)
    }

    /// Like [`reply`](Self::reply), for what the account does not have by itself.
    pub(super) fn reply_at(
        &self,
        account_url: &str,
        context: &Context<'_>,
        set: &str,
        items: impl Iterator<Item = (String, Properties)>,
    ) -> Reply {
        let passes = |shown: &Properties| self.filter.as_ref().is_none_or(|filter| filter.matches(shown));
        let mut items = items.filter(|(_, shown)| passes(shown));
        let mut page = Vec::new();
        let mut last = None;
        for (token, mut shown) in items.by_ref().take(self.max_results) {
            keep_selected(&mut shown, self.select.as_deref());
            page.push(shown);
            last = Some(token);
        }
        let next_link =
            last.filter(|_| items.next().is_some()).map(|token| next_link(account_url, context, &token));
        let mut reply = Reply::empty();
        let metadata = metadata_at(account_url, set);
        write::list(
            &mut reply.body,
            Some(&metadata),
            self.model,
            &page,
            context.version,
            next_link.as_deref(),
        );
        reply
    }
}

/// The request's own URL with another token.
fn next_link(account_url: &str, context: &Context<'_>, token: &str) -> String {
    let others = parameters(context.query).filter(|other| !other.name().eq_ignore_ascii_case("$skiptoken"));
    let others: Vec<&str> = others.map(|other| other.raw).collect();
    format!("{}?$skipToken={token}&{}", context.own_url(account_url), others.join("&"))
}

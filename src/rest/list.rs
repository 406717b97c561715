//! Lists: filtered, selected and cut into pages, the same way for everything there is a list of.

use alloc::{string::String, vec::Vec};
use core::{fmt::Display, iter};

use crate::{
    Account, BatchError,
    rest::{
        exchange::{Context, Reading, Reply},
        odata::{
            filter::Filter,
            model::{Model, Name},
            shown::Slot,
            write::{self, View},
        },
        percent::{Parameter, parameters},
        shown::written,
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
    select: Option<Vec<Name>>,
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

    /// Whether something can be listed that shows one of these texts for this property of its own.
    pub(super) fn may_list(&self, property: Name, mut texts: impl Iterator<Item = &'static str>) -> bool {
        self.filter.as_ref().is_none_or(|filter| texts.any(|text| filter.may_match(property, text)))
    }

    /// Replies with no items, for what an account of this crate has none of (Q11).
    pub(super) fn reply_empty(
        &self,
        account: &Account,
        context: &Context<'_>,
        set: &str,
        body: &mut Vec<u8>,
    ) -> Reply {
        self.reply(account, context, set, iter::empty::<(&str, fn(&mut Slot<'_>))>(), body)
    }

    /// Replies with the first items that pass the filter, and with where to go on if there are more.
    /// Each item comes with the token of its place.
    pub(super) fn reply<T: Display, R: Fn(&mut Slot<'_>)>(
        &self,
        account: &Account,
        context: &Context<'_>,
        set: &str,
        items: impl Iterator<Item = (T, R)>,
        body: &mut Vec<u8>,
    ) -> Reply {
        self.reply_at(account.url(), context, set, items, body)
    }

    /// Like [`reply`](Self::reply), for what the account does not have by itself.
    pub(super) fn reply_at<T: Display, R: Fn(&mut Slot<'_>)>(
        &self,
        account_url: &str,
        context: &Context<'_>,
        set: &str,
        items: impl Iterator<Item = (T, R)>,
        body: &mut Vec<u8>,
    ) -> Reply {
        let passes = |item: &R| self.filter.as_ref().is_none_or(|filter| filter.matches(item));
        let mut items = items.filter(|(_, item)| passes(item));
        let view = View { model: self.model, version: context.version, select: self.select.as_deref() };
        let mut page = write::List::begin(body, &[account_url, "/$metadata#", set], view);
        let mut last = None;
        for (token, item) in items.by_ref().take(self.max_results) {
            page.item(&item);
            last = Some(token);
        }
        let more_after = last.filter(|_| items.next().is_some());
        page.end(more_after.map(|token| next_link(account_url, context, token)));
        Reply::empty()
    }
}

/// The request's own URL with another token.
fn next_link(account_url: &str, context: &Context<'_>, token: impl Display) -> impl Display {
    written(move |f| {
        write!(f, "{}?$skipToken={token}", context.own_url(account_url))?;
        let is_other = |other: &Parameter<'_>| !other.name().eq_ignore_ascii_case("$skiptoken");
        parameters(context.query).filter(is_other).try_for_each(|other| write!(f, "&{}", other.raw))
    })
}

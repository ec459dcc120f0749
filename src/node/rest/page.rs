//! A page of a list: `_page` and `_limit` of EMQX 4, `page` and `limit` of EMQX 5; both take both.

use serde_json::Value;

use super::{
    answer::{Answer, code, object},
    call::Call,
};

/// Which rows are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Page {
    /// Counted from 1.
    page: usize,
    limit: usize,
}

impl Page {
    /// What a request asks for; no page is longer than `management.max_row_limit`.
    ///
    /// # Errors
    /// A number is none, or 0.
    fn of(call: &Call, usual: usize) -> Result<Self, Answer> {
        let number = |name: &str, usual: usize| match call.special(name).map(str::parse) {
            None => Ok(usual),
            Some(Ok(number)) if number > 0 => Ok(number),
            Some(_) => Err(Answer::fault(code::BAD_TYPE, &format!("{name} is no number above 0"))),
        };
        let limit = number("limit", usual)?.min(call.max_rows);
        Ok(Self { page: number("page", 1)?, limit })
    }

    /// As many rows as may be; with the words of EMQX 5, 100.
    ///
    /// # Errors
    /// As [`Page::of`].
    pub(super) fn usual(call: &Call) -> Result<Self, Answer> {
        Self::of(call, if call.is_v5() { 100 } else { call.max_rows })
    }

    /// The first row, counted from 1, and how many.
    pub(super) fn span(self) -> (u64, u64) {
        let before = (self.page - 1).saturating_mul(self.limit);
        ((before as u64).saturating_add(1), self.limit as u64)
    }

    /// The rows of this page out of all, each through `row`.
    pub(super) fn answer<T>(self, rows: Vec<T>, row: impl FnMut(T) -> Value) -> Answer {
        let count = rows.len();
        let before = (self.page - 1).saturating_mul(self.limit);
        let page = rows.into_iter().skip(before).take(self.limit).map(row).collect();
        self.of_whole(page, count)
    }

    /// These rows, which are this page of so many.
    pub(super) fn of_whole(self, rows: Vec<Value>, count: usize) -> Answer {
        let end = (self.page - 1).saturating_mul(self.limit).saturating_add(rows.len());
        let meta = object(vec![
            ("page", self.page.into()),
            ("limit", self.limit.into()),
            ("count", count.into()),
            ("hasnext", (end < count && !rows.is_empty()).into()),
        ]);
        let data = Value::Array(rows);
        Answer::json(200, object(vec![("code", 0.into()), ("data", data), ("meta", meta)]))
    }
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::*;

    fn page(query: &str) -> Result<Page, Answer> {
        Page::usual(&Call::parse(Method::GET, "/", query, 10).unwrap())
    }

    #[test]
    fn pages_are_bounded_and_bad_ones_are_told() {
        assert_eq!(page(""), Ok(Page { page: 1, limit: 10 }));
        assert_eq!(page("_page=3&_limit=5"), Ok(Page { page: 3, limit: 5 }));
        assert_eq!(page("_limit=11"), Ok(Page { page: 1, limit: 10 }));
        for bad in ["_page=0", "_page=x", "_limit=-1", "_limit="] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_span_begins_behind_the_pages_before_it() {
        let span = |query: &str| page(query).unwrap().span();
        assert_eq!((span(""), span("page=3&limit=5")), ((1, 10), (11, 5)));
        assert_eq!(span("page=18446744073709551615"), (u64::MAX, 10));
    }

    #[test]
    fn a_page_tells_whether_there_is_more() {
        let cut = |query: &str| {
            let told = page(query).unwrap().answer((0..23).collect(), Value::from);
            let super::super::answer::Content::Json(told) = told.content else { panic!() };
            let rows = told["data"].as_array().unwrap().len();
            (rows, told["meta"]["hasnext"].as_bool().unwrap(), told["data"].clone())
        };
        assert_eq!((cut("").0, cut("").1), (10, true));
        let last = cut("_page=3");
        assert_eq!((last.0, last.1), (3, false));
        assert_eq!(last.2, serde_json::json!([20, 21, 22]));
        assert_eq!((cut("_page=4").0, cut("_page=4").1), (0, false));
        assert_eq!(cut("_page=18446744073709551615").0, 0);
    }
}

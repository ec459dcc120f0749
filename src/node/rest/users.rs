//! Users and client ids with passwords (`/auth_username`, `/auth_clientid`): those of the users file of the node that is asked.

use std::path::Path;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    answer::{Answer, code, object},
    call::{Call, text},
    page::Page,
    plan::Plan,
};
use crate::ctl::users::{self, Change, Whom};

/// Rows that one request may add: each is hashed, which takes long on purpose.
const MOST: usize = 100;

/// Who is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Client,
}

/// What is wanted of the users file.
pub(super) struct UserWish {
    kind: Kind,
    what: What,
}

enum What {
    List(Page),
    One(String),
    Add(Vec<(String, Zeroizing<String>)>),
    Passwd(String, Zeroizing<String>),
    Delete(String),
}

impl Kind {
    /// The field that names one.
    const fn field(self) -> &'static str {
        match self {
            Self::User => "username",
            Self::Client => "clientid",
        }
    }

    const fn whom(self, name: &str) -> Whom<'_> {
        match self {
            Self::User => Whom::User(name),
            Self::Client => Whom::Client(name),
        }
    }

    fn names(self, path: &Path) -> Result<Vec<String>, String> {
        match self {
            Self::Client => users::clients(path),
            Self::User => Ok(users::list(path)?.into_iter().map(|user| user.username).collect()),
        }
    }
}

impl UserWish {
    /// The file is another one then.
    pub(super) const fn changes(&self) -> bool {
        !matches!(self.what, What::List(_) | What::One(_))
    }
}

/// What a request below `/auth_username` or `/auth_clientid` wants.
///
/// # Errors
/// A field is missing or no such thing, or there is no such path.
pub(super) fn plan(kind: Kind, call: &Call, path: &[&str]) -> Result<Plan, Answer> {
    let what = match (call.verb(), path) {
        ("GET", []) => What::List(Page::usual(call)?),
        ("GET", [name]) => What::One((*name).to_owned()),
        ("POST", []) => {
            let body = call.json()?;
            let rows = body.as_array().map_or(std::slice::from_ref(&body), Vec::as_slice);
            if rows.len() > MOST {
                let what = format!("more than {MOST} rows; add them in several requests");
                return Err(Answer::fault_with(400, code::BAD_TYPE, &what));
            }
            let one = |row: &Value| Ok((text(row, kind.field())?.to_owned(), password(row)?));
            What::Add(rows.iter().map(one).collect::<Result<_, Answer>>()?)
        }
        ("PUT", [name]) => What::Passwd((*name).to_owned(), password(&call.json()?)?),
        ("DELETE", [name]) => What::Delete((*name).to_owned()),
        _ => return Err(Answer::NOWHERE),
    };
    Ok(Plan::Users(UserWish { kind, what }))
}

fn password(body: &Value) -> Result<Zeroizing<String>, Answer> {
    text(body, "password").map(|text| Zeroizing::new(text.to_owned()))
}

/// Does it with the file; takes long.
pub(super) fn perform(path: &Path, wish: &UserWish) -> Answer {
    let kind = wish.kind;
    let names = match kind.names(path) {
        Ok(names) => names,
        Err(why) => return Answer::fault(code::UNKNOWN, &why),
    };
    let known = |name: &String| names.contains(name);
    let change = |name: &str, change| match users::change(path, kind.whom(name), change) {
        Ok(_) => Answer::done(),
        Err(why) => Answer::fault(code::UNKNOWN, &why),
    };
    match &wish.what {
        What::List(page) => page.answer(names, Value::from),
        What::One(name) if known(name) => {
            Answer::data(object(vec![(kind.field(), name.as_str().into())]))
        }
        What::Passwd(name, password) if known(name) => {
            change(name, Change::Passwd { password, scram: None })
        }
        What::Delete(name) if known(name) => change(name, Change::Delete),
        What::One(_) | What::Passwd(..) | What::Delete(_) => {
            Answer::fault(code::NO_USER, "there is none of this name")
        }
        What::Add(rows) => {
            if let [(name, _)] = rows.as_slice()
                && known(name)
            {
                return Answer::fault(code::USER_EXISTS, "it is there already");
            }
            let new: Vec<_> =
                rows.iter().map(|(name, text)| (kind.whom(name), text.as_str())).collect();
            let added = match users::add_all(path, &new) {
                Ok(added) => added,
                Err(why) => return Answer::fault(code::UNKNOWN, &why),
            };
            let mut done = Map::new();
            for ((name, _), result) in rows.iter().zip(added) {
                let result = match result {
                    Ok(()) => "ok".to_owned(),
                    Err(why) if rows.len() > 1 => why,
                    Err(why) => return Answer::fault(code::UNKNOWN, &why),
                };
                done.insert(name.clone(), result.into());
            }
            Answer::data(Value::Object(done))
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::Method;
    use serde_json::json;

    use super::super::answer::Content;
    use super::*;

    /// The code and data of an answer.
    fn ask(file: &Path, method: &str, path: &[&str], body: Value) -> (u64, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut call = Call::parse(method, "/", "", 100).unwrap();
        call.body = Bytes::from(body.to_string());
        let answer = match plan(Kind::User, &call, path) {
            Ok(Plan::Users(wish)) => perform(file, &wish),
            Ok(_) => Answer::bare(500),
            Err(answer) => answer,
        };
        match answer.content {
            Content::Json(told) => (told["code"].as_u64().unwrap(), told["data"].clone()),
            Content::Nothing | Content::Text(_) => (u64::from(answer.status), Value::Null),
        }
    }

    #[test]
    fn users_are_added_listed_changed_and_taken_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("users");
        let bob = json!({ "username": "bob", "password": "one" });
        assert_eq!(ask(&file, "POST", &[], bob.clone()), (0, json!({ "bob": "ok" })));
        assert_eq!(ask(&file, "POST", &[], bob).0, 113);
        assert_eq!(ask(&file, "GET", &[], Value::Null), (0, json!(["bob"])));
        assert_eq!(ask(&file, "GET", &["bob"], Value::Null), (0, json!({ "username": "bob" })));
        assert_eq!(ask(&file, "PUT", &["bob"], json!({ "password": "two" })).0, 0);
        assert_eq!(ask(&file, "PUT", &["bob"], json!({})).0, 107);
        assert_eq!(ask(&file, "PUT", &["eve"], json!({ "password": "two" })).0, 105);
        assert_eq!(ask(&file, "DELETE", &["bob"], Value::Null).0, 0);
        assert_eq!(ask(&file, "DELETE", &["bob"], Value::Null).0, 105);
        assert_eq!(ask(&file, "POST", &[], json!({ "username": "bob" })).0, 107);
        assert_eq!(ask(&file, "PATCH", &[], Value::Null).0, 404);
        let row = |name: &str, password: &str| json!({ "username": name, "password": password });
        let rows = json!([row("eve", "x"), row("bob", "one"), row("eve", "y"), row("dan", "")]);
        let (code, told) = ask(&file, "POST", &[], rows);
        assert!(code == 0 && told["bob"] == "ok", "{told}");
        assert!(told["eve"].as_str().unwrap().contains("eve is in "), "{told}");
        assert!(told["dan"].as_str().unwrap().contains("password of 1 to"), "{told}");
        assert_eq!(ask(&file, "GET", &[], Value::Null).1, json!(["eve", "bob"]));
    }

    #[test]
    fn a_request_adds_a_hundred_at_most() {
        let plan = |count: usize| {
            let mut call = Call::parse(Method::POST, "/", "", 100).unwrap();
            let rows = vec![json!({ "username": "u", "password": "x" }); count];
            call.body = Bytes::from(Value::Array(rows).to_string());
            plan(Kind::User, &call, &[]).map_or_else(|answer| answer.status, |_| 0)
        };
        assert_eq!((plan(MOST), plan(MOST + 1)), (0, 400));
    }
}

use super::Reply;
use crate::error::{Error, Refused};
use axum::http::StatusCode;
use inventory_core::refusal::Code;
use serde::Deserialize;

/// What a problem document says that an error tells.
#[derive(Deserialize)]
struct Document {
    title: String,
    detail: String,
    code: String,
}

/// The error behind an answer that is no 2xx.
pub(super) fn read(target: &str, reply: &Reply) -> Error {
    let Ok(Document { title, detail, code }) = reply.json() else {
        return Error::Answer(format!(
            "{target} answers with status {} and no problem document",
            reply.status
        ));
    };
    if let Some(code) = Code::from_name(&code) {
        let hint = Some(code.hint().to_owned());
        return Error::Refused(Box::new(Refused {
            code,
            message: title,
            detail: Some(detail),
            hint,
        }));
    }
    if reply.status == StatusCode::SERVICE_UNAVAILABLE {
        return Error::Unreachable {
            target: target.to_owned(),
            cause: format!("{code}: {detail}"),
        };
    }
    Error::Gateway { code, detail }
}

//! The file that says which sagas there are, and where their participants listen. Addresses stand there
//! alone: no request, and no saga that is stored, names one.

use crate::error::{Error, Result};
use axum::http::HeaderValue;
use inventory_core::saga::{Definition, check_name};
use inventory_core::{Code, Refusal};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use url::Url;

/// The saga that is there without a file.
const BUILT_IN: &str = "outbound_order";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    participants: BTreeMap<String, Listed>,
    #[serde(default)]
    sagas: BTreeMap<String, Definition>,
}

/// A participant as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    url: String,
    /// Variable of the environment with the secret that we show it.
    secret_env: Option<String>,
}

/// Where a participant listens, and how it knows us.
#[derive(Clone)]
pub struct Participant {
    url: Url,
    /// Never shown.
    pub authorization: Option<HeaderValue>,
}

impl Participant {
    /// The address of one of its calls, a word of the definition.
    pub fn address(&self, call: &str) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(call);
        }
        url
    }
}

/// What this gateway knows of sagas.
pub struct Sagas {
    definitions: BTreeMap<String, Definition>,
    participants: BTreeMap<String, Participant>,
}

impl Sagas {
    /// Errors say where in the file they are.
    pub fn read(path: Option<&Path>) -> Result<Sagas> {
        let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
            return Sagas::of(File { participants: BTreeMap::new(), sagas: BTreeMap::new() });
        };
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| Error::usage(format!("--saga-file {name}: {cause}")))?;
        let json = path.extension().is_some_and(|extension| extension == "json");
        let file = if json { from_json(&text) } else { from_toml(&text) };
        file.and_then(|file| Sagas::of(file).map_err(|error| error.to_string()))
            .map_err(|wrong| Error::usage(format!("--saga-file {name}: {wrong}")))
    }

    fn of(file: File) -> Result<Sagas> {
        let mut definitions = file.sagas;
        let mut participants = BTreeMap::new();
        for (name, listed) in file.participants {
            let place = format!("participants.{name}");
            named(&place, &name)?;
            participants.insert(name, participant(&place, listed)?);
        }
        for (name, definition) in &definitions {
            let place = format!("sagas.{name}");
            named(&place, name)?;
            definition.check().map_err(|refusal| wrong(&place, &refusal.detail))?;
            if let Some((at, unknown)) = unknown_participant(definition, &participants) {
                let detail = format!("steps[{at}].participant: there is no participants.{unknown}");
                return Err(wrong(&place, &detail));
            }
        }
        definitions.entry(BUILT_IN.to_owned()).or_insert_with(Definition::outbound_order);
        Ok(Sagas { definitions, participants })
    }

    /// The definition of that name, if all its participants are known.
    pub fn definition(&self, name: &str) -> Result<&Definition, Refusal> {
        let Some(definition) = self.definitions.get(name) else {
            let known: Vec<&str> = self.definitions.keys().map(String::as_str).collect();
            let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(Refusal::invalid(format!(
                "there is no saga {shown:?} here; there are: {}",
                known.join(", ")
            )));
        };
        match unknown_participant(definition, &self.participants) {
            None => Ok(definition),
            Some((_, unknown)) => Err(Refusal::new(
                Code::InvalidArgument,
                format!(
                    "saga {name} needs the participant {unknown}, which --saga-file does not name"
                ),
            )),
        }
    }

    pub fn participant(&self, name: &str) -> Option<&Participant> {
        self.participants.get(name)
    }
}

fn from_toml(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
}

fn from_json(text: &str) -> Result<File, String> {
    let reader = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(reader).map_err(|error| error.to_string())
}

fn wrong(place: &str, detail: &str) -> Error {
    Error::usage(format!("{place}.{detail}"))
}

fn named(place: &str, name: &str) -> Result<()> {
    check_name("the name", name)
        .map_err(|refusal| Error::usage(format!("{place}: {}", refusal.detail)))
}

/// The first step whose participant is neither the engine nor listed.
fn unknown_participant<'d>(
    definition: &'d Definition,
    participants: &BTreeMap<String, Participant>,
) -> Option<(usize, &'d str)> {
    definition.steps.iter().enumerate().find_map(|(at, step)| {
        let known = step.of_engine() || participants.contains_key(&step.participant);
        (!known).then_some((at, step.participant.as_str()))
    })
}

fn participant(place: &str, listed: Listed) -> Result<Participant> {
    let sound = |url: &Url| {
        let plain = url.username().is_empty() && url.password().is_none();
        let bare = url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && url.host().is_some() && plain && bare
    };
    let url = Url::parse(&listed.url).ok().filter(sound).ok_or_else(|| {
        wrong(
            place,
            "url: must be as in https://accounts.example.com/saga; a secret goes into secret_env",
        )
    })?;
    let authorization = listed.secret_env.map(|variable| {
        let missing = || wrong(place, &format!("secret_env: the environment has no {variable}"));
        let secret = std::env::var(&variable).ok().filter(|secret| !secret.is_empty());
        let text = format!("Bearer {}", secret.ok_or_else(missing)?);
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            wrong(place, &format!("secret_env: {variable} cannot stand in a header"))
        })?;
        value.set_sensitive(true);
        Ok::<HeaderValue, Error>(value)
    });
    Ok(Participant { url, authorization: authorization.transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        [participants.account]
        url = "http://127.0.0.1:9000/saga/"

        [[sagas.gift.steps]]
        name = "reserve"
        participant = "engine"
        action = "reserve"
        compensation = "release"

        [[sagas.gift.steps]]
        name = "pack"
        participant = "account"
        action = "pack"
        timeout_ms = 500
        retry = { tries = 3, first_ms = 50, most_ms = 100, then = "revert" }
    "#;

    fn toml(text: &str) -> Result<Sagas, String> {
        from_toml(text).and_then(|file| Sagas::of(file).map_err(|error| error.to_string()))
    }

    #[test]
    fn a_file_names_sagas_and_where_their_participants_are() {
        let sagas = toml(SOUND).map_err(|e| panic!("{e}")).unwrap();
        let gift = sagas.definition("gift").unwrap();
        assert_eq!((gift.steps.len(), gift.steps[1].retry.tries), (2, 3));
        assert!(sagas.definition("outbound_order").is_ok(), "it is always there");
        let account = sagas.participant("account").unwrap();
        assert_eq!(account.address("pack").as_str(), "http://127.0.0.1:9000/saga/pack");
    }

    #[test]
    fn the_example_in_the_readme_is_sound() {
        let readme = include_str!("../../../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let sagas = toml(example).map_err(|e| panic!("{e}")).unwrap();
        assert!(sagas.definition("gift").is_ok() && sagas.definition("outbound_order").is_ok());
    }

    #[test]
    fn without_a_file_there_is_nobody_to_charge() {
        let sagas = Sagas::read(None).map_err(|e| panic!("{e}")).unwrap();
        let refusal = sagas.definition("outbound_order").unwrap_err();
        assert!(refusal.detail.contains("participant account"), "{refusal}");
        assert!(sagas.definition("gift").unwrap_err().detail.contains("there are: outbound_order"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (from, to, said) in [
            ("timeout_ms = 500", "timeout_ms = 1", "sagas.gift.steps[1].timeout_ms: 10 to"),
            ("\"http://127.0.0.1:9000/saga/\"", "\"ftp://x\"", "participants.account.url: must be"),
            ("\"http://127", "\"http://me:secret@127", "a secret goes into secret_env"),
            (
                "participant = \"account\"",
                "participant = \"bank\"",
                "steps[1].participant: there is no participants.bank",
            ),
            ("tries = 3", "trys = 3", "unknown field `trys`"),
            ("name = \"pack\"", "name = \"reserve\"", "steps[1].name: \"reserve\" comes twice"),
            ("sagas.gift", "sagas.\"a gift\"", "sagas.a gift: the name"),
            (
                "url =",
                "secret_env = \"NOT_SET_ANYWHERE\"\nurl =",
                "the environment has no NOT_SET_ANYWHERE",
            ),
        ] {
            let wrong = toml(&SOUND.replace(from, to)).map(drop).unwrap_err();
            assert!(wrong.contains(said), "{said}: {wrong}");
            assert!(!wrong.contains("me:secret"), "{wrong}");
        }
        let wrong =
            from_json(r#"{"sagas": {"a": {"steps": [{"name": 1}]}}}"#).map(drop).unwrap_err();
        assert!(wrong.contains("sagas.a.steps[0].name"), "{wrong}");
    }
}

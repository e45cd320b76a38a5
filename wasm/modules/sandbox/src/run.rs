//! A sample's scripts, run one after the other against one host.

use module_kit::{Findings, Stopped};
use script_host::{Ended, Host, Page, Run, met};

use crate::encoded;
use crate::ending;
use crate::facts::{self, Content, Engine, Facts};
use crate::findings;
use crate::markup;
use crate::options::{Analyze, Language};
use crate::source::{self, Part, Source};

/// What a run says, and what it made.
pub struct Outcome {
    pub facts: Facts,
    pub findings: Findings,
    pub children: Vec<Content>,
}

/// Runs the scripts of a sample, or tells what they did until they were stopped; None if it has none.
#[must_use]
pub fn scripts(data: &[u8], name: &str, options: &Analyze, stopped: Option<&Stopped>) -> Option<Outcome> {
    let Source { parts, surroundings, page, left_out } = source::read(data, name, options.language)?;
    let engine = match parts.first()?.language {
        Language::Javascript => Engine::Javascript,
        Language::Vbscript => Engine::Vbscript,
    };
    let mut settings = options.settings(name);
    settings.keep = settings.keep.filter(|_| stopped.is_none());
    settings.surroundings = surroundings;
    let mut host = Host::new(settings, data);
    host.page = page.filter(|_| stopped.is_none()).map(|text| Page::of(&text)).unwrap_or_default();
    let (ended, error, steps) = match stopped {
        Some(stopped) => {
            host.replay(&stopped.rest);
            (Ended::Stopped, String::new(), 0)
        }
        None => all(&mut host, &parts),
    };
    let trace = host.into_trace(ended, &error, steps);
    let mut findings = Findings::default();
    findings::judge(&trace, &mut findings);
    if left_out > 0 {
        ending::scripts_left_out(left_out, &mut findings);
    }
    if let Some(stopped) = stopped {
        ending::stopped(&stopped.cause, &mut findings);
    }
    let children = facts::children(&trace, decoded(data, &parts));
    Some(Outcome { facts: Facts::of(engine, trace, &children), findings, children })
}

/// How the first group ended that did not come to its end, what it threw, and the steps of all of them.
fn all(host: &mut Host, parts: &[Part]) -> (Ended, String, u64) {
    host.trace.begin();
    drop(met::take()); // of a run before that a trap or a panic ended
    let mut left = host.settings.steps;
    let mut end = (Ended::Finished, String::new());
    for (language, texts) in grouped(parts) {
        let run = one(host, language, &texts, left);
        left = left.saturating_sub(run.steps);
        let goes_on = !matches!(run.ended, Ended::Steps | Ended::Calls);
        if end.0 == Ended::Finished {
            end = (run.ended, run.error);
        }
        if !goes_on {
            break;
        }
    }
    (end.0, end.1, host.settings.steps - left)
}

/// Scripts of one language, and after them what they gave to the other.
fn one(host: &mut Host, language: Language, texts: &[&str], steps: u64) -> Run {
    let settings = host.settings.clone();
    let taken = std::mem::replace(host, Host::new(settings, &[]));
    let (taken, mut run) = match language {
        Language::Javascript => jscript::run(taken, texts, steps, markup::scripts),
        Language::Vbscript => vbscript::run(taken, texts, steps),
    };
    *host = taken;
    let later = std::mem::take(&mut host.later);
    if language == Language::Javascript && !later.is_empty() && run.ended != Ended::Steps {
        let texts: Vec<&str> = later.iter().map(String::as_str).collect();
        let more = one(host, Language::Vbscript, &texts, steps.saturating_sub(run.steps));
        run.steps += more.steps;
        if run.ended == Ended::Finished {
            (run.ended, run.error) = (more.ended, more.error);
        }
    }
    run
}

/// Scripts of a language that follow each other share their variables.
fn grouped(parts: &[Part]) -> Vec<(Language, Vec<&str>)> {
    let mut groups: Vec<(Language, Vec<&str>)> = Vec::new();
    for part in parts {
        match groups.iter_mut().find(|(language, _)| *language == part.language) {
            Some((_, texts)) => texts.push(&part.text),
            None => groups.push((part.language, vec![&part.text])),
        }
    }
    groups
}

/// What an encoded script says in the clear.
fn decoded(data: &[u8], parts: &[Part]) -> Vec<(String, Vec<u8>)> {
    if !encoded::is_encoded(&script_host::charset::source(data)) {
        return Vec::new();
    }
    parts
        .iter()
        .enumerate()
        .map(|(at, part)| (format!("script-{}.txt", at + 1), part.text.clone().into_bytes()))
        .collect()
}

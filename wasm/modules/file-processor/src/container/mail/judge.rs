//! What is said of a message.

use module_kit::{Finding, Findings, Severity};

use crate::container::document::Document;
use crate::container::xml;

/// Links of one message that are compared with their text.
const MAX_LINKS: usize = 16;

pub fn judge(document: &Document, findings: &mut Findings) {
    let Some(mail) = &document.facts.mail else { return };
    let sender = domain(&mail.sender);
    if let (Some(sender), Some(reply)) = (sender, domain(&mail.reply_to))
        && site(sender) != site(reply)
    {
        findings.add(
            Finding::new("reply-to-elsewhere", Severity::Low, 60, "Answers go to another domain than the sender's")
                .quote(&mail.sender)
                .quote(&mail.reply_to)
                .techniques(&["T1566"]),
        );
    }
    // `"boss@bank.example" <x@evil.example>`
    let shown = mail.sender.rsplit_once('<').and_then(|(name, _)| domain(name));
    if let (Some(sender), Some(shown)) = (sender, shown)
        && site(sender) != site(shown)
    {
        findings.add(
            Finding::new("sender-in-name", Severity::Medium, 70, "The sender's name is the address of another domain")
                .quote(&mail.sender)
                .techniques(&["T1656"]),
        );
    }
    let failed: Vec<_> = mail.authentication.iter().filter(|line| has_failed(line)).collect();
    if !failed.is_empty() {
        findings.add(
            Finding::new("authentication-failed", Severity::Low, 70, "The sender was not confirmed (SPF, DKIM, DMARC)")
                .quotes(failed)
                .techniques(&["T1566"]),
        );
    }
    if !document.hints.misleading_links.is_empty() {
        findings.add(
            Finding::new(
                "misleading-link",
                Severity::Low,
                60,
                "The text of a link names another site than it leads to",
            )
            .quotes(&document.hints.misleading_links)
            .techniques(&["T1566.002"]),
        );
    }
}

fn has_failed(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    ["spf=fail", "spf=softfail", "dkim=fail", "dmarc=fail"].iter().any(|word| lower.contains(word))
        || lower.starts_with("fail")
        || lower.starts_with("softfail")
}

/// The domain of the last address in a field.
fn domain(field: &str) -> Option<&str> {
    let (_, domain) = field.rsplit_once('@')?;
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-');
    let domain = &domain[..domain.find(|letter| !is_part(letter)).unwrap_or(domain.len())];
    domain.contains('.').then_some(domain)
}

/// The last parts of a domain: as good as the site that it belongs to.
fn site(domain: &str) -> String {
    let lower = domain.to_ascii_lowercase();
    let mut parts: Vec<&str> = lower.rsplit('.').take(2).collect();
    // `example.co.uk`
    if parts.len() == 2 && parts[1].len() <= 3 && parts[0].len() == 2 {
        parts = lower.rsplit('.').take(3).collect();
    }
    parts.join(".")
}

/// Links whose text is an address of another site: `text -> target`.
pub fn misleading_links(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for piece in xml::pieces(html) {
        if piece.name().eq_ignore_ascii_case("a") {
            let target = ["href", "HREF", "Href"].iter().find_map(|name| piece.attribute(name));
            open = target.map(|target| (target, piece.text()));
        } else if piece.ends("a") || piece.ends("A") {
            found.extend(open.take().and_then(|(target, text)| misleading(text.trim(), &target)));
        } else if let Some((_, text)) = open.as_mut().filter(|(_, text)| text.len() < 1_024) {
            text.push_str(&piece.text());
        }
        if found.len() >= MAX_LINKS {
            break;
        }
    }
    found
}

fn misleading(text: &str, target: &str) -> Option<String> {
    let address =
        |text: &'_ str| text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).map(str::to_owned);
    let to = host(&address(target)?)?;
    // Only what is an address as a whole: prose has dots too.
    let shown = address(text).or_else(|| text.starts_with("www.").then(|| text.to_owned()))?;
    let from = host(&shown).filter(|_| !text.contains(char::is_whitespace))?;
    let cut = |text: &str| text.chars().take(100).collect::<String>();
    (site(&from) != site(&to)).then(|| format!("{} -> {}", cut(text), cut(target)))
}

fn host(address: &str) -> Option<String> {
    let authority = &address[..address.find(['/', '?', '#']).unwrap_or(address.len())];
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (host.contains('.') && host.len() <= 253).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::document::Mail;

    fn ids(mail: Mail) -> Vec<String> {
        let mut document = Document::default();
        document.facts.mail = Some(mail);
        let mut findings = Findings::default();
        judge(&document, &mut findings);
        findings.into_sorted().into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn links_that_say_another_site_are_told() {
        let html = "<p><a href='http://evil.example/x'><b>https://www.bank.test</b></a> \
            <a href=\"https://t.news.example/1\">www.news.example</a><a href='http://a.example'>click here</a>";
        assert_eq!(misleading_links(html), ["https://www.bank.test -> http://evil.example/x"]);
    }

    #[test]
    fn senders_and_answers_are_compared() {
        let mail =
            |sender: &str, reply: &str| Mail { sender: sender.into(), reply_to: reply.into(), ..Mail::default() };
        assert_eq!(ids(mail("A <a@mail.b.example>", "c@b.example")), [""; 0]);
        assert_eq!(ids(mail("A <a@b.example>", "C <c@d.test>")), ["reply-to-elsewhere"]);
        assert_eq!(ids(mail("\"boss@bank.example\" <x@evil.test>", "")), ["sender-in-name"]);
    }

    #[test]
    fn failed_authentication_is_told() {
        let lines = ["mx; spf=pass; dkim=pass", "mx; dmarc=fail"].map(str::to_owned).to_vec();
        assert_eq!(ids(Mail { authentication: lines, ..Mail::default() }), ["authentication-failed"]);
    }
}

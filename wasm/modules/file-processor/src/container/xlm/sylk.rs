//! Symbolic link files: tables in text, whose formulas may be macros (`O;E`).

use super::sheets::{Builder, is_automatic};
use crate::container::document::Document;
use crate::container::fields;
use crate::reader::text;

const MAX_FILE: usize = 4 << 20;

pub fn parse(data: &[u8], document: &mut Document) {
    let content = text(data, MAX_FILE);
    let records = || content.lines().map(fields_of);
    let is_macro = records().any(|fields| fields[0] == "O" && fields[1..].iter().any(|field| field == "E"));
    let names = records().filter(|fields| fields[0] == "NN");
    let names =
        names.filter_map(|fields| fields.iter().skip(1).find_map(|field| field.strip_prefix('N').map(str::to_owned)));
    let automatic: Vec<String> = names.filter(|name| is_automatic(name)).take(16).collect();
    let mut builder = is_macro.then(|| Builder::new("SYLK", "visible", document));
    let (mut row, mut column) = (0, 0);
    for fields in records().filter(|fields| matches!(fields[0].as_str(), "C" | "F")) {
        for field in &fields[1..] {
            let Some((kind, value)) = field.split_at_checked(1) else { continue };
            match kind {
                "X" => column = value.parse::<u16>().unwrap_or(1).saturating_sub(1),
                "Y" => row = value.parse::<u32>().unwrap_or(1).saturating_sub(1),
                "E" if fields[0] == "C" && !value.is_empty() => {
                    let formula = format!("={value}");
                    fields::formula(&formula, "cell", document);
                    if let Some(builder) = &mut builder {
                        builder.formula(row, column, &formula, document);
                    }
                }
                _ => {}
            }
        }
    }
    if let Some(builder) = builder {
        builder.finish(&automatic, document);
    }
}

/// Fields of a record; two semicolons are one that belongs to a field.
fn fields_of(line: &str) -> Vec<String> {
    let mut fields: Vec<String> = vec![String::new()];
    let mut letters = line.trim_end().chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != ';' {
            fields.last_mut().into_iter().for_each(|field| field.push(letter));
        } else if letters.next_if_eq(&';').is_some() {
            fields.last_mut().into_iter().for_each(|field| field.push(';'));
        } else {
            fields.push(String::new());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_of_macro_files_are_read() {
        let mut document = Document::default();
        parse(b"ID;P\r\nO;E\r\nNN;NAuto_open;ER1C1\r\nC;X2;Y3;EEXEC(\"a;;b\")\r\nC;Y4;EHALT()\r\nE\r\n", &mut document);
        let sheet = &document.facts.macro_sheets[0];
        let formulas: Vec<_> = sheet.formulas.iter().map(|it| (it.cell.as_str(), it.text.as_str())).collect();
        assert_eq!(formulas, [("B3", "=EXEC(\"a;b\")"), ("B4", "=HALT()")]);
        assert_eq!(sheet.automatic, ["Auto_open"]);
    }
}

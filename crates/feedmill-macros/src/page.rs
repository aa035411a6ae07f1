//! A page of the repository as documentation.

use std::path::Path;

/// The text of a page for rustdoc, where the files that it links to are not.
///
/// `pages` are the pages that rustdoc has too: the file name and the path of the module. Links to
/// them lead there, links to other files and images become their text.
pub(crate) fn linked(text: &str, pages: &[(String, String)]) -> String {
    let mut found = String::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            found += line;
        } else {
            push_line(line, pages, &mut found);
        }
        found.push('\n');
    }
    found
}

fn push_line(line: &str, pages: &[(String, String)], found: &mut String) {
    let mut rest = line;
    while let Some((before, text, target, after)) = next_link(rest) {
        let before = before.strip_suffix('!').unwrap_or(before);
        found.push_str(before);
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let name = Path::new(file)
            .file_name()
            .map(|name| name.to_string_lossy());
        let page = pages.iter().find(|(page, _)| Some(page.into()) == name);
        let is_elsewhere = target.starts_with("http") || target.contains("::") || file.is_empty();
        let link = match page {
            _ if is_elsewhere => format!("[{text}]({target})"),
            Some((_, module)) if anchor.is_empty() => format!("[{text}]({module})"),
            Some((_, module)) => format!("[{text}]({module}#{anchor})"),
            None => text.to_string(),
        };
        found.push_str(&link);
        rest = after;
    }
    found.push_str(rest);
}

/// The first `[text](target)` of a line: what is before it, its parts, and what is after it.
fn next_link(line: &str) -> Option<(&str, &str, &str, &str)> {
    let middle = line.find("](")?;
    let start = line[..middle].rfind('[')?;
    let end = middle + line[middle..].find(')')?;
    Some((
        &line[..start],
        &line[start + 1..middle],
        &line[middle + 2..end],
        &line[end + 1..],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_and_files_become_text() {
        let pages = [("MIXING.md".to_string(), "crate::guide::mixing".to_string())];
        let linked = |text: &str| linked(text, &pages);
        assert_eq!(
            linked("see [it](MIXING.md)."),
            "see [it](crate::guide::mixing).\n"
        );
        assert_eq!(
            linked("[a](docs/MIXING.md#b) and [c](src/lib.rs)"),
            "[a](crate::guide::mixing#b) and c\n"
        );
        assert_eq!(linked("![ops](ops.jpg)"), "ops\n");
        for same in [
            "[a](https://b.org/c)",
            "[a](#b)",
            "[a](crate::b)",
            "a [b] (c)",
        ] {
            assert_eq!(linked(same), format!("{same}\n"));
        }
        assert_eq!(linked("```\n[a](b)\n```"), "```\n[a](b)\n```\n");
    }
}

//! The command line that applies what was previewed: the same words with the token in place of `--preview`.

/// The words of this process that apply what its `--preview` showed.
pub fn with_plan(token: &str) -> Vec<String> {
    applied(std::env::args().skip(1), token)
}

fn applied(words: impl Iterator<Item = String>, token: &str) -> Vec<String> {
    let mut applied = vec!["devhub".to_owned()];
    let mut words = words;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--preview" => applied.extend(["--plan".to_owned(), token.to_owned()]),
            "--limit" => drop(words.next()),
            limit if limit.starts_with("--limit=") => {}
            _ => applied.push(word),
        }
    }
    applied
}

/// Words as a shell reads them.
pub fn shell_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_same_with_the_token_in_place_of_the_preview() {
        let words =
            ["retire", "a/b", "1.0", "--preview", "--reason", "it's over", "--limit", "5", "--limit=6", "-o", "json"];
        let line = shell_line(&applied(words.into_iter().map(str::to_owned), "abc.1"));
        assert_eq!(line, r"devhub retire a/b 1.0 --plan abc.1 --reason 'it'\''s over' -o json");
    }
}

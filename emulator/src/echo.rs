//! What a simulated command line prints: what its `echo` commands would print in a shell.

/// The standard output of a command line. Only `echo` prints, until the first `exit`; variables are printed
/// as they are written, and what goes into a file or another command is not printed.
pub fn output(command_line: &str) -> String {
    let words = words(command_line);
    // The word after `sh -c` is a command line of its own.
    let script =
        words.iter().position(|word| *word == Word::Text("-c".into())).and_then(|at| words.get(at + 1));
    if let Some(Word::Text(script)) = script {
        return output(script);
    }
    let mut printed = String::new();
    let mut rest = words.as_slice();
    while !rest.is_empty() {
        let end = rest.iter().position(|word| matches!(word, Word::End(_))).unwrap_or(rest.len());
        let (command, tail) = rest.split_at(end);
        let is_piped = tail.first() == Some(&Word::End('|'));
        rest = tail.get(1..).unwrap_or_default();
        let texts: Vec<&str> = command.iter().filter_map(Word::text).collect();
        match texts.as_slice() {
            ["exit", ..] => break,
            ["cmd" | "cmd.exe", "/c", "echo", arguments @ ..] | ["echo" | "/bin/echo", arguments @ ..]
                if !is_piped && !command.contains(&Word::Redirection) =>
            {
                print(&mut printed, arguments);
            }
            _ => {}
        }
    }
    printed
}

fn print(printed: &mut String, arguments: &[&str]) {
    let (arguments, end) = match arguments {
        ["-n", arguments @ ..] => (arguments, ""),
        arguments => (arguments, "\n"),
    };
    printed.push_str(&arguments.join(" "));
    printed.push_str(end);
}

#[derive(Debug, PartialEq)]
enum Word {
    Text(String),
    /// A command ends: `;`, `&`, `|`, a parenthesis or the end of a line.
    End(char),
    /// The output goes to a file.
    Redirection,
}

impl Word {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Splits a command line as a shell does: quotes keep words together, and a backslash quotes a character.
fn words(command_line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = command_line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                while let Some(quoted) = letters.next().filter(|quoted| *quoted != letter) {
                    let is_escape =
                        quoted == '\\' && letter == '"' && matches!(letters.peek(), Some('"' | '\\'));
                    word.push(if is_escape { letters.next().unwrap_or(quoted) } else { quoted });
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            ';' | '&' | '|' | '(' | ')' | '\n' => {
                words.extend(word.take().map(Word::Text));
                words.push(Word::End(letter));
            }
            '>' => {
                words.extend(word.take().map(Word::Text));
                words.push(Word::Redirection);
            }
            letter if letter.is_whitespace() => words.extend(word.take().map(Word::Text)),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word.map(Word::Text));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_is_printed_as_a_shell_would() {
        for (command_line, printed) in [
            ("echo hello", "hello\n"),
            ("/bin/bash -c 'echo \"a  b\" c; sleep 5; echo done'", "a  b c\ndone\n"),
            ("/bin/sh -c \"echo \\\"quoted\\\"\"", "quoted\n"),
            ("cmd /c echo test", "test\n"),
            ("echo -n x && echo y", "xy\n"),
            ("(echo in)\necho out", "in\nout\n"),
            ("echo one; exit 3; echo two", "one\n"),
            ("echo to > file; echo here", "here\n"),
            ("echo piped | wc", ""),
            ("echo", "\n"),
            ("sleep 5; echoes", ""),
            ("echo 'open", "open\n"),
            ("sh -c", ""),
            ("", ""),
        ] {
            assert_eq!(output(command_line), printed, "{command_line}");
        }
    }
}

//! What is done inside a running broker: virtual hosts, queues, anything else in Erlang.
//!
//! An expression is sent to the node and evaluated there, with functions that RabbitMQ has had since 3.8.
//! Its own command line tool would start an Erlang machine for each call.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::{RabbitServer, USER};

/// How long the broker may take to answer. Milliseconds are usual.
const ANSWER_PATIENCE: Duration = Duration::from_mins(1);

impl RabbitServer {
    /// Adds a virtual host that everybody may use. One that exists is no error.
    ///
    /// # Errors
    /// When the broker is not ready.
    pub fn add_vhost(&self, name: &str) -> Result<()> {
        let (vhost, user, all) = (binary(name), binary(USER), binary(".*"));
        let add = format!("ok = rabbit_vhost:add({vhost}, {user})");
        let permissions = format!("{user}, {vhost}, {all}, {all}, {all}, {user}");
        let permit = format!("ok = rabbit_auth_backend_internal:set_permissions({permissions})");
        self.ask(&format!("begin {add}, {permit}, [] end"))
            .with_context(|| format!("RabbitMQ did not add the virtual host {name}"))?;
        Ok(())
    }

    /// Removes a virtual host with all its queues.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn delete_vhost(&self, name: &str) -> Result<()> {
        let (vhost, user) = (binary(name), binary(USER));
        let exists = format!("true = rabbit_vhost:exists({vhost})");
        self.ask(&format!("begin {exists}, rabbit_vhost:delete({vhost}, {user}), [] end"))
            .with_context(|| format!("RabbitMQ did not delete the virtual host {name}"))?;
        Ok(())
    }

    /// Removes all messages that wait in a queue.
    ///
    /// # Errors
    /// When there is no such queue.
    pub fn purge_queue(&self, vhost: &str, queue: &str) -> Result<()> {
        self.with_queue(vhost, queue, "rabbit_amqqueue:purge(Q)")
            .with_context(|| format!("RabbitMQ did not purge the queue {queue}"))
    }

    /// Removes a queue with its messages.
    ///
    /// # Errors
    /// When there is no such queue.
    pub fn delete_queue(&self, vhost: &str, queue: &str) -> Result<()> {
        self.with_queue(vhost, queue, &format!("rabbit_amqqueue:delete(Q, false, false, {})", binary(USER)))
            .with_context(|| format!("RabbitMQ did not delete the queue {queue}"))
    }

    /// The queues of a virtual host in the order of their names, each with its number of messages, waiting
    /// or out for delivery. The numbers lag a quarter of a second: wait for the one you expect.
    ///
    /// # Errors
    /// When there is no such virtual host, or a queue has no leader yet.
    pub fn list_queues(&self, vhost: &str) -> Result<Vec<(String, u64)>> {
        let vhost = binary(vhost);
        let exists = format!("true = rabbit_vhost:exists({vhost})");
        let queue = "[{name, {resource, _, queue, N}}, {messages, M}]";
        let queues =
            format!("[rabbit_amqqueue:info(Q, [name, messages]) || Q <- rabbit_amqqueue:list({vhost})]");
        let line = "[case is_integer(M) of true -> integer_to_list(M); false -> \"?\" end, 32, N, 0]";
        let text = self.ask(&format!("begin {exists}, [{line} || {queue} <- {queues}] end"))?;
        read_queues(&text)
    }

    /// Makes the broker write down at once which quorum queues there are. It does so twice a second by
    /// itself, and a queue that was declared later than that is empty after [`Self::kill`], confirmed
    /// messages and all: call this first when a test is not about that.
    ///
    /// # Errors
    /// When the broker is not ready.
    pub fn settle(&self) -> Result<()> {
        self.ask("begin [ok = dets:sync(T) || T <- dets:all()], [] end").map(drop)
    }

    /// Evaluates an Erlang expression inside the broker and returns its value as Erlang writes it.
    ///
    /// # Errors
    /// When the expression fails.
    pub fn eval(&self, expression: &str) -> Result<String> {
        self.ask(&format!("io_lib:format(\"~0tp\", [begin {expression} end])"))
    }

    /// Applies an expression to the queue `Q`; what is not `{ok, _}` fails.
    fn with_queue(&self, vhost: &str, queue: &str, expression: &str) -> Result<()> {
        let name = format!("rabbit_misc:r({}, queue, {})", binary(vhost), binary(queue));
        let with = format!("rabbit_amqqueue:with({name}, fun(Q) -> {expression} end)");
        self.ask(&format!("begin {{ok, _}} = {with}, [] end")).map(drop)
    }

    /// Evaluates an expression whose value is text: characters, binaries, and lists of them.
    ///
    /// The answer comes as hexadecimal digits, the one form that every printer of terms leaves alone.
    fn ask(&self, expression: &str) -> Result<String> {
        let text =
            format!("try [\"ok \", {expression}] catch C:R -> io_lib:format(\"error ~0tp\", [{{C, R}}]) end");
        let answer = self.evaluate(&format!(
            "lists:flatten([io_lib:format(\"~2.16.0b\", [B]) || <<B>> <= \
             unicode:characters_to_binary({text})])"
        ))?;
        let text = unhex(&answer).with_context(|| format!("RabbitMQ answered `{}`", answer.trim()))?;
        match text.split_once(' ') {
            Some(("ok", value)) => Ok(value.to_owned()),
            Some(("error", reason)) => bail!("RabbitMQ refused: {reason}"),
            _ => bail!("RabbitMQ answered `{text}`"),
        }
    }

    fn evaluate(&self, expression: &str) -> Result<String> {
        let (mut command, input) = self.node.evaluator(expression);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Erlang's tools could not be started")?;
        let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("no pipes to Erlang's tools");
        };
        stdin.write_all(input.unwrap_or_default().as_bytes()).context("the broker cannot be asked")?;
        drop(stdin); // the end of the question
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut answer = String::new();
            let read = stdout.read_to_string(&mut answer).map(|_| answer);
            drop(sender.send(read)); // nobody waits any more if it took too long
        });
        let answer = receiver.recv_timeout(ANSWER_PATIENCE);
        if answer.is_err() {
            child.kill().context("Erlang's tools do not end")?;
        }
        let status = child.wait().context("Erlang's tools do not end")?;
        let answer = answer.map_err(|_| anyhow!("RabbitMQ does not answer within {ANSWER_PATIENCE:?}"))??;
        ensure!(status.success(), "RabbitMQ cannot be asked ({status}): {}", answer.trim());
        Ok(answer)
    }
}

/// Writes a name as an Erlang binary, whatever is in it.
fn binary(name: &str) -> String {
    let bytes: Vec<String> = name.bytes().map(|byte| byte.to_string()).collect();
    format!("<<{}>>", bytes.join(","))
}

/// Reads the text between the quotes of a printed term. Long ones are printed in several pieces.
fn unhex(term: &str) -> Result<String> {
    let (_, quoted) = term.split_once('"').context("it is no text")?;
    let (quoted, _) = quoted.rsplit_once('"').context("it is no text")?;
    let digits: Vec<u8> =
        quoted.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'"').collect();
    let byte = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    let bytes: Result<Vec<u8>> = digits.chunks(2).map(byte).collect();
    String::from_utf8(bytes?).context("it is not UTF-8")
}

/// Reads `3 orders`, each closed by a zero byte.
fn read_queues(text: &str) -> Result<Vec<(String, u64)>> {
    let mut queues = Vec::new();
    for line in text.split_terminator('\0') {
        let (messages, name) = line.split_once(' ').with_context(|| format!("no number in `{line}`"))?;
        let messages = messages.parse().map_err(|_| anyhow!("the queue {name} has no leader yet"))?;
        queues.push((name.to_owned(), messages));
    }
    queues.sort_unstable();
    Ok(queues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_read_with_their_messages_in_the_order_of_their_names() {
        let queues = read_queues("3 spindle.intake orders\x000 b\0").expect("read");
        assert_eq!(queues, [("b".to_owned(), 0), ("spindle.intake orders".to_owned(), 3)]);
        assert_eq!(read_queues("").expect("none"), []);
        let error = read_queues("? b\0").expect_err("nobody knows");
        assert_eq!(error.to_string(), "the queue b has no leader yet");
    }

    #[test]
    fn an_answer_is_read_from_each_of_the_two_printers() {
        assert_eq!(unhex("{ok, \"6f6b20c3a4\"}").expect("erl_call"), "ok ä");
        assert_eq!(unhex("\"6f6b\"\n \"20c3a4\"\n").expect("rabbitmqctl"), "ok ä");
        for term in ["{ok, []}", "\"zz\"", ""] {
            assert!(unhex(term).is_err(), "{term}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_erlang_binary() {
        assert_eq!(binary("a\""), "<<97,34>>");
    }
}

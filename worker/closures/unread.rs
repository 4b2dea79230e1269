//! A sink that prints: when nobody reads what it prints any more it is done, as `print` is.
//!
//! `println!` panics when standard output is a pipe whose reader is gone (`program | head`). Inside a
//! sink that is no fault of the program's, and no death of its worker.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::sync::Once;

use crate::agent::{Agent, AgentError, Blueprint, Io, State, Status};

/// The sink, done when a `print!` or `println!` in it finds no reader.
pub fn until_unread(blueprint: Blueprint) -> Blueprint {
    Blueprint {
        agent: Box::new(UntilUnread(blueprint.agent)),
        ..blueprint
    }
}

/// A sink around a closure, which does nothing but [`Agent::work`].
pub struct UntilUnread<A>(pub A);

impl<A: Agent> Agent for UntilUnread<A> {
    fn attach(&mut self, state: State<'_>) -> Result<(), AgentError> {
        be_silent();
        self.0.attach(state)
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        IN_A_SINK.set(true);
        // The agent is not called again after a panic: what it left half done, nobody sees.
        let worked = catch_unwind(AssertUnwindSafe(|| self.0.work(io)));
        IN_A_SINK.set(false);
        match worked {
            Ok(status) => status,
            Err(panic) if says_unread(text_of(&*panic)) => Ok(Status::Done),
            Err(panic) => resume_unwind(panic),
        }
    }
}

thread_local! {
    static IN_A_SINK: Cell<bool> = const { Cell::new(false) };
}

/// From now on such a panic prints nothing.
fn be_silent() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
            if !(IN_A_SINK.get() && says_unread(panic.payload_as_str())) {
                before(panic);
            }
        }));
    });
}

/// Whether these are the words of `print!` for a pipe without a reader.
fn says_unread(words: Option<&str>) -> bool {
    words.is_some_and(|words| {
        words.starts_with("failed printing to stdout") && words.contains("Broken pipe")
    })
}

fn text_of(panic: &(dyn Any + Send)) -> Option<&str> {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied())
}

#[cfg(test)]
mod tests {
    use super::super::judge::stream;
    use super::super::sink;
    use super::*;
    use crate::testing::{Chunks, run};

    /// Runs a sink of 0, 1, .. that panics with these words at 5.
    fn run_sink(words: &'static str) -> std::thread::Result<()> {
        let blueprint = sink((), move |(), x: u32| {
            assert!(x < 5, "{words}");
        });
        let inputs = [stream(0..10u32)];
        catch_unwind(AssertUnwindSafe(|| {
            run(blueprint, &inputs, Chunks::Whole, usize::MAX).unwrap();
        }))
    }

    #[test]
    fn a_sink_whose_output_nobody_reads_is_done() {
        let words = "failed printing to stdout: Broken pipe (os error 32)";
        assert!(run_sink(words).is_ok());
    }

    #[test]
    fn any_other_panic_is_passed_on() {
        for words in ["failed printing to stdout: No space left", "no such thing"] {
            let panic = run_sink(words).unwrap_err();
            assert_eq!(text_of(&*panic), Some(words));
        }
    }
}

//! Last words of a worker that does something it should not: signal and address, in a line.

use std::mem::MaybeUninit;
use std::ptr;

/// The handler's own stack: the worker's may be what ran out.
const STACK_LEN: usize = 64 << 10;

/// From now on this process says a line on standard error before it dies of a fault.
pub fn say_in_a_line() {
    let stack = Box::leak(vec![0u8; STACK_LEN].into_boxed_slice());
    let stack = libc::stack_t {
        ss_sp: stack.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: STACK_LEN,
    };
    // SAFETY: the stack is leaked, so it stays; the process has one thread, which is this.
    unsafe { libc::sigaltstack(&stack, ptr::null_mut()) };
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE] {
        // SAFETY: all zeros is a valid `sigaction`: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
        // SAFETY: the handler makes only calls that are allowed in a signal handler. If it cannot be
        // installed, the worker dies without last words.
        unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
    }
}

/// Writes the line and raises the signal again, whose handling is the default one by now.
extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives a whole `siginfo_t`; above 0 it is a fault and has an address.
    let address = unsafe { ((*info).si_code > 0).then(|| (*info).si_addr() as u64) };
    let mut line = Line::default();
    line.put(match signal {
        libc::SIGSEGV => b"SIGSEGV",
        libc::SIGBUS => b"SIGBUS",
        libc::SIGILL => b"SIGILL",
        _ => b"SIGFPE",
    });
    match address {
        Some(address) => {
            line.put(b" at address 0x");
            line.put_hex(address);
        }
        None => line.put(b" sent by a process"),
    }
    line.put(b"\n");
    // SAFETY: `write` and `raise` are allowed in a signal handler; the line is whole. The signal is
    // blocked while it is handled, so it comes when this returns.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.len);
        libc::raise(signal);
    }
}

/// A line made without a heap.
struct Line {
    bytes: [u8; 64],
    len: usize,
}

impl Default for Line {
    fn default() -> Line {
        Line {
            bytes: [0; 64],
            len: 0,
        }
    }
}

impl Line {
    fn put(&mut self, words: &[u8]) {
        for (place, &byte) in self.bytes[self.len..].iter_mut().zip(words) {
            *place = byte;
            self.len += 1;
        }
    }

    fn put_hex(&mut self, n: u64) {
        let digits = (0..16).rev().map(|i| (n >> (4 * i) & 15) as usize);
        let mut begun = false;
        for (nth, digit) in digits.enumerate() {
            begun |= digit != 0 || nth == 15;
            if begun {
                self.put(&[b"0123456789abcdef"[digit]]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn addresses_are_written_without_leading_zeros() {
        for (n, text) in [(0, "0"), (0x10, "10"), (u64::MAX, "ffffffffffffffff")] {
            let mut line = Line::default();
            line.put_hex(n);
            assert_eq!(&line.bytes[..line.len], text.as_bytes());
        }
    }
}

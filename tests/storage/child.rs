//! Child processes with a watchdog.

use std::io::Read;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// No wait in these tests is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a child came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

/// Waits for a child with piped output; ends it and panics if it takes too long.
pub(crate) fn finish(mut child: Child, what: &str) -> Ended {
    let read = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                let _ = stream.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|stream| Box::new(stream) as _));
    let err = read(child.stderr.take().map(|stream| Box::new(stream) as _));
    let status = wait(&mut child, what);
    Ended {
        status,
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

pub(crate) fn wait(child: &mut Child, what: &str) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{what}: the child did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn run(command: &mut Command) -> Ended {
    let what = format!("{command:?}");
    finish(command.spawn().unwrap(), &what)
}

/// Waits until something holds; panics if it takes too long.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_micros(200));
    }
}

pub(crate) fn signal(child: &Child, signal: i32) {
    // SAFETY: the child has not been waited for, so the number is still its own.
    unsafe { libc::kill(child.id() as i32, signal) };
}

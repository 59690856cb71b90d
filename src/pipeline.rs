//! Threads: the only module that knows there are any.
//!
//! One thread reads, some prepare, the caller's admits. The reader sends every batch to the
//! workers and, in the same order, the receiver of its result to the caller: results arrive in
//! order without being sorted, and bounded channels keep the reader from running ahead.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::deduper::Prepared;
use crate::error::Error;
use crate::options::Config;
use crate::source::{Input, Inputs, Skip};

/// Bytes of text in a batch, from which it is sent on: large enough that passing it costs nothing.
const BATCH: usize = 1 << 18;

/// What became of an input.
pub(crate) struct Arrival {
    /// An article, or why there is none.
    pub(crate) outcome: Result<Result<Prepared, Skip>, Error>,
    /// How many bytes of the source were read up to here.
    pub(crate) read: u64,
}

/// Prepared articles, in order.
#[derive(Debug)]
pub(crate) enum Pipeline {
    Here { inputs: Box<Inputs>, config: Arc<Config> },
    Threads(Threads),
}

impl Pipeline {
    pub(crate) fn new(inputs: Inputs, config: Config) -> Result<Self, Error> {
        let config = Arc::new(config);
        if config.threads.get() == 1 {
            return Ok(Self::Here { inputs: Box::new(inputs), config });
        }
        Threads::start(inputs, &config)
            .map(Self::Threads)
            .map_err(|source| Error::Thread { source })
    }

    pub(crate) fn next(&mut self) -> Option<Arrival> {
        match self {
            Self::Here { inputs, config } => inputs.next().map(|input| prepare(input, config)),
            Self::Threads(threads) => threads.next(),
        }
    }
}

fn prepare(input: Input, config: &Config) -> Arrival {
    let Input { content, read } = input;
    let outcome = content.decode(&config.settings).and_then(|decoded| match decoded {
        Ok((id, provenance, text)) => Prepared::new(id, provenance, text, config).map(Ok),
        Err(why) => Ok(Err(why)),
    });
    Arrival { outcome, read }
}

struct Job {
    inputs: Vec<Input>,
    done: SyncSender<Vec<Arrival>>,
}

/// Where the outcome of a job arrives.
type Ticket = Receiver<Vec<Arrival>>;

pub(crate) struct Threads {
    /// None when the threads are to stop.
    tickets: Option<Receiver<Ticket>>,
    batch: std::vec::IntoIter<Arrival>,
    handles: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Threads").field("threads", &self.handles.len()).finish_non_exhaustive()
    }
}

impl Threads {
    fn start(inputs: Inputs, config: &Arc<Config>) -> std::io::Result<Self> {
        let workers = config.threads.get() - 1;
        // First, so that it is dropped last: it waits for threads that wait for the channels.
        let mut threads =
            Self { tickets: None, batch: Vec::new().into_iter(), handles: Vec::new() };
        let (job_sender, jobs) = sync_channel(workers);
        let (ticket_sender, tickets) = sync_channel(2 * workers);
        let jobs = Arc::new(Mutex::new(jobs));
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(work)
        };
        for _ in 0..workers {
            let (jobs, config) = (jobs.clone(), config.clone());
            threads.handles.push(spawn("dedup-prepare", Box::new(move || work(&jobs, &config)))?);
        }
        threads.handles.push(spawn(
            "dedup-read",
            Box::new(move || read(inputs, &job_sender, &ticket_sender)),
        )?);
        threads.tickets = Some(tickets);
        Ok(threads)
    }

    fn next(&mut self) -> Option<Arrival> {
        loop {
            if let Some(arrival) = self.batch.next() {
                return Some(arrival);
            }
            let Some(ticket) = self.tickets.as_ref().and_then(|tickets| tickets.recv().ok()) else {
                self.stop();
                return None;
            };
            match ticket.recv() {
                Ok(batch) => self.batch = batch.into_iter(),
                Err(_) => self.stop(), // a worker panicked, and `stop` passes that on
            }
        }
    }

    /// Ends all threads, and passes on the panic of one that had any.
    fn stop(&mut self) {
        self.tickets = None;
        for handle in self.handles.drain(..) {
            if let Err(panic) = handle.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}

fn read(mut inputs: Inputs, jobs: &SyncSender<Job>, tickets: &SyncSender<Ticket>) {
    let mut ended = false;
    while !ended {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH && !ended {
            match inputs.next() {
                Some(input) => {
                    // Even an empty article takes room in a batch.
                    bytes += input.content.len() + 64;
                    batch.push(input);
                }
                None => ended = true,
            }
        }
        let (sender, done) = sync_channel(1);
        // Either fails only when the caller has stopped listening.
        if tickets.send(done).is_err() || jobs.send(Job { inputs: batch, done: sender }).is_err() {
            return;
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, config: &Config) {
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok(Job { inputs, done }) = job else { return };
        let arrivals = inputs.into_iter().map(|input| prepare(input, config)).collect();
        // Nobody listens any more if the stream was dropped.
        let _ = done.send(arrivals);
    }
}

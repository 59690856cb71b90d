//! Threads for a stream: what can be done for each input without the others is done ahead, and arrives in order.
//!
//! One thread takes inputs, some work on them, the caller's takes what becomes of them. The first sends every batch to the
//! workers and, in the same order, the receiver of its outcome to the caller: outcomes arrive in
//! order without being sorted, and bounded channels keep the first from running ahead.
//!
//! Which takes longer, that work or the caller's, depends on the text. A caller that would have to wait works on a batch
//! itself, so that two cores are busy with either: 1.6 to 1.8 times as fast as one instead of 1.3 to 1.6.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::error::Error;

/// Bytes of text in the first batches, from which they are sent on: little, as every thread waits for its first.
const FIRST_BATCH: usize = 1 << 16;

/// The same of later ones, which are large enough that passing them costs nothing, and so small that what is made of them stays in
/// the caches until the caller has it.
const BATCH: usize = 1 << 18;

/// Batches that wait for each worker.
const AHEAD: usize = 2;

/// What comes in, and what is done with it.
pub(crate) struct Feed<I, O> {
    pub(crate) inputs: Box<dyn Iterator<Item = I> + Send>,
    /// The bytes of text that an input has.
    pub(crate) weigh: fn(&I) -> usize,
    pub(crate) work: Work<I, O>,
}

type Work<I, O> = Arc<dyn Fn(I) -> O + Send + Sync>;

/// What becomes of the inputs, in their order.
pub(crate) enum Pipeline<I, O> {
    Here(Feed<I, O>),
    Threads(Threads<I, O>),
}

impl<I, O> std::fmt::Debug for Pipeline<I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workers = match self {
            Self::Here(_) => 0,
            Self::Threads(threads) => threads.handles.len(),
        };
        f.debug_struct("Pipeline").field("threads", &workers).finish_non_exhaustive()
    }
}

impl<I: Send + 'static, O: Send + 'static> Pipeline<I, O> {
    pub(crate) fn new(feed: Feed<I, O>, threads: NonZero<usize>) -> Result<Self, Error> {
        if threads.get() == 1 {
            return Ok(Self::Here(feed));
        }
        Threads::start(feed, threads.get() - 1)
            .map(Self::Threads)
            .map_err(|source| Error::Thread { source })
    }
}

impl<I, O> Iterator for Pipeline<I, O> {
    type Item = O;

    fn next(&mut self) -> Option<O> {
        match self {
            Self::Here(feed) => feed.inputs.next().map(|input| (feed.work)(input)),
            Self::Threads(threads) => threads.next(),
        }
    }
}

struct Job<I, O> {
    inputs: Vec<I>,
    done: SyncSender<Vec<O>>,
}

impl<I, O> Job<I, O> {
    fn run(self, work: &Work<I, O>) {
        let outcomes = self.inputs.into_iter().map(|input| work(input)).collect();
        // Nobody listens any more if the stream was dropped.
        let _ = self.done.send(outcomes);
    }
}

/// Where the outcome of a job arrives.
type Ticket<O> = Receiver<Vec<O>>;

/// Batches that nobody has taken yet.
type Jobs<I, O> = Arc<Mutex<Receiver<Job<I, O>>>>;

/// The caller's ends of the channels.
struct Ends<I, O> {
    tickets: Receiver<Ticket<O>>,
    jobs: Jobs<I, O>,
}

pub(crate) struct Threads<I, O> {
    /// None when the threads are to stop.
    ends: Option<Ends<I, O>>,
    work: Work<I, O>,
    batch: std::vec::IntoIter<O>,
    handles: Vec<JoinHandle<()>>,
}

impl<I: Send + 'static, O: Send + 'static> Threads<I, O> {
    fn start(feed: Feed<I, O>, workers: usize) -> std::io::Result<Self> {
        // First, so that it is dropped last, if a thread cannot be started: it waits for those that wait for the channels.
        let mut threads = Self {
            ends: None,
            work: feed.work.clone(),
            batch: Vec::new().into_iter(),
            handles: Vec::new(),
        };
        let (job_sender, jobs) = sync_channel(AHEAD * workers);
        let (ticket_sender, tickets) = sync_channel(2 * AHEAD * workers);
        let jobs = Arc::new(Mutex::new(jobs));
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(run)
        };
        for _ in 0..workers {
            let (jobs, work) = (jobs.clone(), feed.work.clone());
            let run = Box::new(move || run_jobs(&jobs, &work));
            threads.handles.push(spawn("dedup-prepare", run)?);
        }
        let run = Box::new(move || send_jobs(feed, &job_sender, &ticket_sender));
        threads.handles.push(spawn("dedup-read", run)?);
        threads.ends = Some(Ends { tickets, jobs });
        Ok(threads)
    }
}

impl<I, O> Threads<I, O> {
    fn next(&mut self) -> Option<O> {
        loop {
            if let Some(outcome) = self.batch.next() {
                return Some(outcome);
            }
            let Ends { tickets, jobs } = self.ends.as_ref()?;
            match tickets.recv().ok().and_then(|ticket| wait_for(&ticket, jobs, &self.work)) {
                Some(batch) => self.batch = batch.into_iter(),
                None => self.stop(), // it is the end, or a worker panicked, and `stop` passes that on
            }
        }
    }

    /// Ends all threads, and passes on the panic of one that had any.
    fn stop(&mut self) {
        self.ends = None;
        for handle in self.handles.drain(..) {
            if let Err(panic) = handle.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl<I, O> Drop for Threads<I, O> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The outcome of a batch; works on others until that is there.
fn wait_for<I, O>(ticket: &Ticket<O>, jobs: &Jobs<I, O>, work: &Work<I, O>) -> Option<Vec<O>> {
    loop {
        match ticket.try_recv() {
            Ok(batch) => return Some(batch),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        // A worker that waits for a job, as there is none, holds the lock.
        let job = jobs.try_lock().ok().and_then(|jobs| jobs.try_recv().ok());
        let Some(job) = job else { return ticket.recv().ok() };
        job.run(work);
    }
}

fn send_jobs<I, O>(
    feed: Feed<I, O>,
    jobs: &SyncSender<Job<I, O>>,
    tickets: &SyncSender<Ticket<O>>,
) {
    let Feed { mut inputs, weigh, work: _ } = feed;
    let mut ended = false;
    let mut size = FIRST_BATCH;
    while !ended {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < size && !ended {
            match inputs.next() {
                Some(input) => {
                    // Even one without text takes room in a batch.
                    bytes += weigh(&input) + 64;
                    batch.push(input);
                }
                None => ended = true,
            }
        }
        size = (size + size / 16).min(BATCH);
        let (sender, done) = sync_channel(1);
        // Either fails only when the caller has stopped listening.
        if tickets.send(done).is_err() || jobs.send(Job { inputs: batch, done: sender }).is_err() {
            return;
        }
    }
}

fn run_jobs<I, O>(jobs: &Mutex<Receiver<Job<I, O>>>, work: &Work<I, O>) {
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok(job) = job else { return };
        job.run(work);
    }
}

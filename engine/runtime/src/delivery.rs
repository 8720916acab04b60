//! Bringing requests to the owners of their shards, wherever those are.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::{Program, Timestamp};
use stepyard_store::{ExecutionRow, ShardId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::cluster::{NotOwner, Peer, PeerError, RedriveRequest, Route, StartRequest, StopRequest};
use crate::shard::{AskMapRun, Callback, Message, Redrive, Shared, Start, Stop};
use crate::{
    CallbackError, CallbackRequest, MapRunProgress, MapRunRequest, MapRunRequestError,
    RedriveError, StartError, StopError,
};

/// How long a request looks for an owner that answers: longer than it takes to replace a dead node.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a request that another node has forwarded waits for a shard that is on its way here.
const FORWARDED_PATIENCE: Duration = Duration::from_secs(3);

/// The pause before an owner is looked for again.
const PAUSE: Duration = Duration::from_millis(20);

/// Bytes of inputs whose starts are not durable yet, and of results of tasks, in all: with more, requests are throttled.
const DATA_BYTES_MAX: usize = 256 << 20;

/// What each takes at least of [`DATA_BYTES_MAX`], for what is kept beside it.
const DATA_BYTES_MIN: usize = 1 << 10;

/// Brings requests to owners, and asks again where there is no answer. That is safe: a start carries the
/// id of its execution, a redrive a token, and a stop of what has stopped changes nothing.
pub(crate) struct Delivery {
    shared: Arc<Shared>,
    peer: Arc<dyn Peer>,
    /// Places for what is not durable yet, by the byte.
    places: Arc<Semaphore>,
}

/// What the owner of a shard is asked.
trait Question: Send {
    type Answer: Send;

    /// Asks there; `None` when there is no answer.
    fn ask(
        &mut self,
        delivery: &Delivery,
        route: Route,
    ) -> impl Future<Output = Option<Self::Answer>> + Send;
}

struct Starting {
    request: StartRequest,
    program: Arc<Program>,
}

impl Question for Starting {
    type Answer = Result<ExecutionRow, StartError>;

    async fn ask(&mut self, delivery: &Delivery, route: Route) -> Option<Self::Answer> {
        let Starting { request, program } = self;
        let said = match route {
            Route::Here(mailbox) => delivery.start_here(&mailbox, request, program).await,
            Route::Elsewhere(address) => {
                delivery.shared.metrics.forwarded();
                said(delivery.peer.start_execution(&address, request).await)
            }
            Route::Nowhere => None,
        };
        request.is_repeat = true;
        said
    }
}

impl Question for StopRequest {
    type Answer = Result<Timestamp, StopError>;

    async fn ask(&mut self, delivery: &Delivery, route: Route) -> Option<Self::Answer> {
        match route {
            Route::Here(mailbox) => stop_here(&mailbox, self).await,
            Route::Elsewhere(address) => {
                delivery.shared.metrics.forwarded();
                said(delivery.peer.stop_execution(&address, self).await)
            }
            Route::Nowhere => None,
        }
    }
}

struct CallingBack {
    request: CallbackRequest,
    /// Whether it may have been heard before, by somebody who did not answer.
    is_repeat: bool,
}

impl Question for CallingBack {
    type Answer = Result<(), CallbackError>;

    async fn ask(&mut self, delivery: &Delivery, route: Route) -> Option<Self::Answer> {
        let said = match route {
            Route::Here(mailbox) => delivery.call_back_here(&mailbox, &self.request).await,
            Route::Elsewhere(address) => {
                delivery.shared.metrics.forwarded();
                said(delivery.peer.call_back(&address, &self.request).await)
            }
            Route::Nowhere => None,
        };
        if self.is_repeat && said == Some(Err(CallbackError::TimedOut)) {
            return Some(delivery.heard_before(&self.request).await);
        }
        self.is_repeat = true;
        said
    }
}

impl Question for RedriveRequest {
    type Answer = Result<Timestamp, RedriveError>;

    async fn ask(&mut self, delivery: &Delivery, route: Route) -> Option<Self::Answer> {
        match route {
            Route::Here(mailbox) => redrive_here(&mailbox, self).await,
            Route::Elsewhere(address) => {
                delivery.shared.metrics.forwarded();
                said(delivery.peer.redrive_execution(&address, self).await)
            }
            Route::Nowhere => None,
        }
    }
}

impl Question for MapRunRequest {
    type Answer = Result<MapRunProgress, MapRunRequestError>;

    async fn ask(&mut self, delivery: &Delivery, route: Route) -> Option<Self::Answer> {
        match route {
            Route::Here(mailbox) => ask_map_run_here(&mailbox, self).await,
            Route::Elsewhere(address) => {
                delivery.shared.metrics.forwarded();
                said(delivery.peer.ask_map_run(&address, self).await)
            }
            Route::Nowhere => None,
        }
    }
}

/// What an owner has said; `None` when it has not said anything.
type Said<T, E> = Option<Result<T, E>>;

impl Delivery {
    pub(crate) fn new(shared: Arc<Shared>, peer: Arc<dyn Peer>) -> Delivery {
        Delivery { shared, peer, places: Arc::new(Semaphore::new(DATA_BYTES_MAX)) }
    }

    pub(crate) async fn start(
        &self,
        request: StartRequest,
        program: Arc<Program>,
    ) -> Result<ExecutionRow, StartError> {
        let shard = shard_of_start(&request);
        let answered = self.until_answered(shard, Starting { request, program });
        answered.await.unwrap_or_else(|why| Err(StartError::Unavailable(why)))
    }

    pub(crate) async fn stop(&self, request: StopRequest) -> Result<Timestamp, StopError> {
        let shard = ShardId::of(&request.state_machine_arn, &request.name);
        let answered = self.until_answered(shard, request);
        answered.await.unwrap_or_else(|why| Err(StopError::Unavailable(why)))
    }

    pub(crate) async fn call_back(&self, request: CallbackRequest) -> Result<(), CallbackError> {
        let shard = request.place.shard;
        let answered = self.until_answered(shard, CallingBack { request, is_repeat: false });
        answered.await.unwrap_or_else(|why| Err(CallbackError::Unavailable(why)))
    }

    pub(crate) async fn redrive(&self, request: RedriveRequest) -> Result<Timestamp, RedriveError> {
        let shard = ShardId::of(&request.state_machine_arn, &request.name);
        let answered = self.until_answered(shard, request);
        answered.await.unwrap_or_else(|why| Err(RedriveError::Unavailable(why)))
    }

    pub(crate) async fn ask_map_run(
        &self,
        request: MapRunRequest,
    ) -> Result<MapRunProgress, MapRunRequestError> {
        let answered = self.until_answered(request.shard, request);
        answered.await.unwrap_or_else(|why| Err(MapRunRequestError::Unavailable(why.into())))
    }

    /// A start that another node has forwarded: it is not forwarded again.
    pub(crate) async fn start_forwarded(
        &self,
        request: StartRequest,
        program: Arc<Program>,
    ) -> Result<Result<ExecutionRow, StartError>, NotOwner> {
        let mailbox = self.mailbox(shard_of_start(&request)).await?;
        self.start_here(&mailbox, &request, &program).await.ok_or(NotOwner)
    }

    /// A stop that another node has forwarded.
    pub(crate) async fn stop_forwarded(
        &self,
        request: StopRequest,
    ) -> Result<Result<Timestamp, StopError>, NotOwner> {
        let shard = ShardId::of(&request.state_machine_arn, &request.name);
        let mailbox = self.mailbox(shard).await?;
        stop_here(&mailbox, &request).await.ok_or(NotOwner)
    }

    /// A callback that another node has forwarded.
    pub(crate) async fn call_back_forwarded(
        &self,
        request: CallbackRequest,
    ) -> Result<Result<(), CallbackError>, NotOwner> {
        let mailbox = self.mailbox(request.place.shard).await?;
        self.call_back_here(&mailbox, &request).await.ok_or(NotOwner)
    }

    /// What is said to somebody who has repeated himself: that the task has ended, unless it was he who ended it.
    async fn heard_before(&self, request: &CallbackRequest) -> Result<(), CallbackError> {
        match request.has_ended_it(&*self.shared.store).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CallbackError::TimedOut),
            Err(error) => Err(CallbackError::Unavailable(error.to_string())),
        }
    }

    /// How other nodes are reached.
    pub(crate) fn peer(&self) -> &Arc<dyn Peer> {
        &self.peer
    }

    /// A redrive that another node has forwarded.
    pub(crate) async fn redrive_forwarded(
        &self,
        request: RedriveRequest,
    ) -> Result<Result<Timestamp, RedriveError>, NotOwner> {
        let shard = ShardId::of(&request.state_machine_arn, &request.name);
        let mailbox = self.mailbox(shard).await?;
        redrive_here(&mailbox, &request).await.ok_or(NotOwner)
    }

    /// A question about a Map Run that another node has forwarded.
    pub(crate) async fn ask_map_run_forwarded(
        &self,
        request: MapRunRequest,
    ) -> Result<Result<MapRunProgress, MapRunRequestError>, NotOwner> {
        let mailbox = self.mailbox(request.shard).await?;
        ask_map_run_here(&mailbox, &request).await.ok_or(NotOwner)
    }

    /// Asks whoever owns the shard until somebody answers. The error says why nobody has.
    async fn until_answered<Q: Question>(
        &self,
        shard: ShardId,
        mut question: Q,
    ) -> Result<Q::Answer, String> {
        let Shared { clock, outage, .. } = &*self.shared;
        if let Some(reason) = outage.reason() {
            return Err(reason.to_string());
        }
        let deadline = clock.monotonic() + PATIENCE;
        loop {
            let asked = async {
                match self.route(shard).await {
                    Some(route) => Ok(question.ask(self, route).await),
                    None => Err(gone()),
                }
            };
            let answer = tokio::select! {
                biased;
                answer = asked => answer?,
                reason = outage.begun() => return Err(reason.to_string()),
                () = clock.sleep(PATIENCE) => None,
            };
            if let Some(answer) = answer {
                return Ok(answer);
            }
            if clock.monotonic() >= deadline {
                return Err(format!("nobody answers for shard {}; try again", shard.0));
            }
            self.shared.look.notify_one();
            clock.sleep(PAUSE).await;
        }
    }

    /// The way to a shard, as soon as it is known; `None` when this node has stopped and will not know.
    async fn route(&self, shard: ShardId) -> Option<Route> {
        let Shared { routes, closed, .. } = &*self.shared;
        match routes.get(shard) {
            Route::Nowhere => tokio::select! {
                biased;
                route = routes.known(shard) => Some(route),
                () = closed.cancelled() => None,
            },
            known => Some(known),
        }
    }

    /// The mailbox of a shard of this node, or of one that is on its way to it.
    async fn mailbox(&self, shard: ShardId) -> Result<mpsc::Sender<Message>, NotOwner> {
        let route = tokio::select! {
            biased;
            route = self.route(shard) => route,
            () = self.shared.clock.sleep(FORWARDED_PATIENCE) => None,
        };
        match route {
            Some(Route::Here(mailbox)) => Ok(mailbox),
            Some(Route::Elsewhere(_) | Route::Nowhere) | None => {
                self.shared.look.notify_one();
                Err(NotOwner)
            }
        }
    }

    async fn start_here(
        &self,
        mailbox: &mpsc::Sender<Message>,
        request: &StartRequest,
        program: &Arc<Program>,
    ) -> Said<ExecutionRow, StartError> {
        let Some(place) = self.place(request.input.len()) else {
            return Some(Err(StartError::Throttled));
        };
        let (reply, answer) = oneshot::channel();
        let (request, program) = (request.clone(), program.clone());
        let start = Message::Start(Box::new(Start { request, program, reply, place }));
        match mailbox.try_send(start) {
            Ok(()) => answer.await.ok(),
            Err(TrySendError::Full(_)) => Some(Err(StartError::Throttled)),
            Err(TrySendError::Closed(_)) => None,
        }
    }

    async fn call_back_here(
        &self,
        mailbox: &mpsc::Sender<Message>,
        request: &CallbackRequest,
    ) -> Said<(), CallbackError> {
        let Some(place) = self.place(request.word.bytes()) else {
            return Some(Err(CallbackError::Throttled));
        };
        let (reply, answer) = oneshot::channel();
        let callback = Callback { request: request.clone(), reply, place };
        mailbox.send(Message::Callback(Box::new(callback))).await.ok()?;
        answer.await.ok()
    }

    /// A place for data among what is not durable yet; `None` when there is none.
    fn place(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.max(DATA_BYTES_MIN)).unwrap_or(u32::MAX);
        self.places.clone().try_acquire_many_owned(bytes).ok()
    }
}

async fn stop_here(
    mailbox: &mpsc::Sender<Message>,
    request: &StopRequest,
) -> Said<Timestamp, StopError> {
    let (reply, answer) = oneshot::channel();
    let stop = Message::Stop(Box::new(Stop { request: request.clone(), reply }));
    mailbox.send(stop).await.ok()?;
    answer.await.ok()
}

async fn redrive_here(
    mailbox: &mpsc::Sender<Message>,
    request: &RedriveRequest,
) -> Said<Timestamp, RedriveError> {
    let (reply, answer) = oneshot::channel();
    let redrive = Message::Redrive(Box::new(Redrive { request: request.clone(), reply }));
    mailbox.send(redrive).await.ok()?;
    answer.await.ok()
}

async fn ask_map_run_here(
    mailbox: &mpsc::Sender<Message>,
    request: &MapRunRequest,
) -> Said<MapRunProgress, MapRunRequestError> {
    let (reply, answer) = oneshot::channel();
    let ask = Message::AskMapRun(Box::new(AskMapRun { request: request.clone(), reply }));
    mailbox.send(ask).await.ok()?;
    answer.await.ok()
}

/// What another node has said.
fn said<T, E>(answer: Result<Result<T, E>, PeerError>) -> Said<T, E> {
    answer.inspect_err(|error| tracing::debug!(%error, "a node gives no answer")).ok()
}

/// What somebody is told whose answer will not come.
fn gone() -> String {
    "the server is shutting down, or a part of it has failed; try again".into()
}

fn shard_of_start(request: &StartRequest) -> ShardId {
    ShardId::of(&request.context.state_machine_arn, &request.context.execution_name)
}

#include "jepsen/workload.h"

#include <algorithm>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <utility>

#include "base/check.h"

namespace ticketd::jepsen {

namespace {

using Clock = TicketClient::Clock;

constexpr std::uint64_t kSequencesOfAKind = 3;
constexpr std::uint32_t kRangeMax = 100;
constexpr std::uint64_t kPipelineMax = 16;
constexpr std::size_t kMalformedMax = 20;

Question question_of(WorkloadKind kind, Random& random, std::uint64_t& keys) {
  Question question;
  const std::string number = std::to_string(random.below(kSequencesOfAKind));
  switch (kind) {
    case WorkloadKind::kTickets:
      return question;
    case WorkloadKind::kSequences:
      question.sequence = "sequence-" + number;
      if (random.chance(1, 5)) question.function = Function::kRead;
      return question;
    case WorkloadKind::kRanges:
      question.sequence = "ranges-" + number;
      if (random.chance(1, 10)) {
        question.function = Function::kRead;
        return question;
      }
      question.count = static_cast<std::uint32_t>(random.between(1, kRangeMax));
      break;
    case WorkloadKind::kRetries:
      question.sequence = "retries-" + number;
      break;
    case WorkloadKind::kPipelines:
      if (random.chance(3, 4)) question.sequence = "pipelines-" + number;
      return question;
  }
  question.key = "key-" + std::to_string(++keys);
  return question;
}

/// What is asked together: one question, but for pipelines.
std::vector<Question> questions_of(WorkloadKind kind, Random& random, std::uint64_t& keys) {
  std::vector<Question> questions = {question_of(kind, random, keys)};
  if (kind != WorkloadKind::kPipelines) return questions;
  questions.resize(static_cast<std::size_t>(random.between(2, kPipelineMax)), questions.front());
  for (Question& question : questions) {
    if (!question.sequence.empty() && random.chance(1, 8)) question.function = Function::kRead;
  }
  return questions;
}

constexpr std::pair<std::string_view, WorkloadKind> kNamed[] = {
    {"tickets", WorkloadKind::kTickets},     {"sequences", WorkloadKind::kSequences},
    {"ranges", WorkloadKind::kRanges},       {"retries", WorkloadKind::kRetries},
    {"pipelines", WorkloadKind::kPipelines},
};

}  // namespace

std::optional<WorkloadKind> workload_named(std::string_view name) {
  for (const auto& [known, kind] : kNamed) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

/// One client. In a history it is one process after the other: an operation of unknown outcome
/// never ends, so its process does nothing more. What it asks together are processes side by side.
class Workload::Caller {
 public:
  Caller(Workload& all, std::size_t number)
      : all_(all),
        client_(all.make_client_(all.loop_, number)),
        timer_(all.loop_),
        period_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
            static_cast<double>(all.options_.clients) / all.options_.rate))),
        // Spread over the first period.
        due_(Clock::now() + period_ * static_cast<Clock::rep>(number) / all.options_.clients) {}

  void begin() {
    wait_then([this] { next(); });
  }

  /// While nothing is under way: takes over a request to be resolved, or is done.
  void resolve() {
    if (all_.unresolved_.empty() || Clock::now() >= all_.resolve_until_) {
      if (--all_.busy_ == 0) all_.finished_.set_value(all_.unresolved_.size());
      return;
    }
    const Question question = all_.unresolved_.front();
    all_.unresolved_.pop_front();
    ask({question}, true);
  }

  TicketClient& client() { return *client_; }

 private:
  void wait_then(std::function<void()> then) {
    timer_.expires_at(due_);
    timer_.async_wait([then = std::move(then)](std::error_code error) {
      if (!error) then();
    });
  }

  void next() {
    if (all_.ending_) {
      if (retry_) all_.unresolved_.push_back(std::exchange(retry_, std::nullopt)->question);
      return resolve();
    }
    if (retry_) {
      const Retry retry = *std::exchange(retry_, std::nullopt);
      return ask({retry.question}, retry.open);
    }
    const auto& kinds = all_.options_.kinds;
    kind_ = kinds[static_cast<std::size_t>(all_.random_.below(kinds.size()))];
    ask(questions_of(kind_, all_.random_, all_.keys_), false);
  }

  /// `open`: the outcome of an attempt is unknown, and no answer has told it since.
  void ask(std::vector<Question> questions, bool open) {
    asked_ = std::move(questions);
    left_ = asked_.size();
    pipeline_ = left_ > 1 && client_->keeps_order() ? ++all_.pipelines_ : 0;
    while (processes_.size() < left_) processes_.push_back(all_.new_process());
    for (std::size_t which = 0; which < asked_.size(); ++which) {
      all_.recorder_.report(event(EventType::kInvoke, which));
    }
    const auto node = static_cast<std::uint32_t>(all_.random_.between(1, all_.nodes_));
    client_->ask(node, asked_, Clock::now() + all_.options_.timeout,
                 [this, open](std::size_t which, const Reply& reply) { told(which, open, reply); });
  }

  void told(std::size_t which, bool open, const Reply& reply) {
    const bool read = asked_[which].function == Function::kRead;
    Event completion = event(reply.type, which);
    // A read that was not answered has changed nothing.
    if (read && reply.type == EventType::kInfo) completion.type = EventType::kFail;
    completion.begin = read ? 0 : reply.begin;
    completion.end = reply.end;
    completion.node = reply.node;
    completion.error = reply.error;
    all_.recorder_.report(completion);
    all_.note(completion.type, reply);
    if (completion.type == EventType::kInfo) processes_[which] = all_.new_process();
    // A failure tells of this attempt alone.
    if (completion.type != EventType::kFail) open = completion.type == EventType::kInfo;
    ask_again(asked_[which], open, completion.type);
    if (--left_ == 0) go_on(open);
  }

  void go_on(bool open) {
    due_ = std::max(due_ + period_ * static_cast<Clock::rep>(asked_.size()), Clock::now());
    if (all_.ending_) {
      due_ = Clock::now() + (open ? Clock::duration(kPause) : Clock::duration(0));
    }
    wait_then([this] { next(); });
  }

  void ask_again(const Question& question, bool open, EventType outcome) {
    if (question.key.empty()) return;
    const bool retries = kind_ == WorkloadKind::kRetries && !all_.ending_;
    if (retries && (open || (outcome == EventType::kOk && all_.random_.chance(1, 10)))) {
      retry_ = {question, open};  // when it was done: the same answer is due
    } else if (open) {
      all_.unresolved_.push_back(question);
    }
  }

  Event event(EventType type, std::size_t which) const {
    const Question& question = asked_[which];
    Event result;
    result.process = processes_[which];
    result.type = type;
    result.function = question.function;
    result.value = question.sequence;
    result.key = question.key;
    result.count = question.count;
    result.pipeline = pipeline_;
    return result;
  }

  /// Between two attempts to resolve.
  static constexpr std::chrono::milliseconds kPause{50};

  struct Retry {
    Question question;
    bool open;
  };

  Workload& all_;
  const std::unique_ptr<TicketClient> client_;
  asio::steady_timer timer_;
  const Clock::duration period_;
  Clock::time_point due_;
  WorkloadKind kind_ = WorkloadKind::kTickets;
  std::optional<Retry> retry_;

  // What is under way.
  std::vector<Question> asked_;
  std::size_t left_ = 0;
  std::uint32_t pipeline_ = 0;
  std::vector<std::uint32_t> processes_;
};

Workload::Workload(WorkloadOptions options, std::uint32_t nodes, MakeClient make_client,
                   std::function<Status()> prepare, Recorder& recorder)
    : options_(std::move(options)),
      nodes_(nodes),
      make_client_(std::move(make_client)),
      prepare_(std::move(prepare)),
      recorder_(recorder),
      random_(options_.seed) {
  ENSURE(!options_.kinds.empty());
  ENSURE_GT(options_.clients, 0);
  ENSURE_GT(options_.rate, 0);
}

Workload::~Workload() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

Status Workload::start() {
  std::promise<Status> prepared;
  auto result = prepared.get_future();
  work_.emplace(loop_.get_executor());
  thread_ = std::thread([this, &prepared] { run(std::move(prepared)); });
  return result.get();
}

void Workload::run(std::promise<Status> prepared) {
  const Status done = prepare_();
  const bool ok = done.ok();
  if (ok) {
    for (std::size_t number = 0; number < options_.clients; ++number) {
      callers_.push_back(std::make_unique<Caller>(*this, number));
      callers_.back()->begin();
    }
    busy_ = callers_.size();
  }
  prepared.set_value(done);
  if (ok) loop_.run();
  callers_.clear();
}

std::size_t Workload::finish(std::chrono::milliseconds patience) {
  asio::post(loop_, [this, patience] {
    ending_ = true;
    resolve_until_ = Clock::now() + patience;
  });
  const std::size_t left = finished_.get_future().get();
  work_.reset();
  loop_.stop();
  thread_.join();
  return left;
}

Tally Workload::tally() const { return {ok_, failed_, unknown_}; }

void Workload::note(EventType type, const Reply& reply) {
  ++(type == EventType::kOk ? ok_ : type == EventType::kFail ? failed_ : unknown_);
  if (!reply.malformed) return;
  const std::lock_guard lock(mutex_);
  if (malformed_.size() < kMalformedMax) malformed_.push_back(reply.error);
}

std::vector<std::string> Workload::malformed() const {
  const std::lock_guard lock(mutex_);
  return malformed_;
}

void Workload::cut(double share) {
  asio::post(loop_, [this, share] {
    constexpr std::uint64_t kParts = 1'000'000;
    const auto part = static_cast<std::uint64_t>(share * static_cast<double>(kParts));
    for (const auto& caller : callers_) {
      if (random_.chance(part, kParts)) caller->client().cut();
    }
  });
}

}  // namespace ticketd::jepsen

// What goes between nodes and to clients, as lines of a transcript; and lines as messages.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "net/message.h"
#include "sim/network.h"
#include "sim/platter.h"
#include "sim/scenario_script.h"
#include "ticket/service.h"

namespace ticketd::sim {

/// "AppendRequest", "Response", ...
const char* name_of(const net::Frame& frame);
/// Its name and fields.
std::string text_of(const net::Frame& frame);
/// The frame in these bytes. None: it is of no kind that goes on that lane.
std::optional<net::Frame> frame_of(const std::string& bytes, Lane lane);

/// "done 5..7", "done 5 again", "refused: no leader", "unknown".
std::string text_of(const ticket::Answer& answer);
/// "s is 5", one behind the other; "refused: no leader".
std::string text_of(const ticket::QueryAnswer& answer);
/// As an operator is told it.
std::string text_of(const std::optional<net::Reply>& reply);

/// "1 2 3? 4-": a learner that is to be promoted has a question mark, another one a minus.
/// `name`: how a member is called.
std::string text_of(const raft::Configuration& configuration,
                    const std::function<std::string(raft::MemberId)>& name);
/// Its index, term and what it holds.
std::string text_of(const raft::Entry& entry,
                    const std::function<std::string(raft::MemberId)>& name);

/// The message that is named by the next word, with its fields as options; flags are further words.
/// An entry is INDEX/TERM, and is a no-op; a snapshot is a single byte.
raft::Message message_of(Arguments& arguments);

}  // namespace ticketd::sim

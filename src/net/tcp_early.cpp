// Bytes that came before their turn: kept in order, without overlap, until the gap before them is filled, and told to
// the guest by SACK (RFC 2018). All of them lie in the advertised window, which bounds them.
#include "net/tcp.h"
#include "net/tcp_seq.h"

#include <algorithm>

namespace net::tcp {

namespace {

// Segments of 1460 bytes share chunks, so that these are far more segments than nodes; a guest that sends every
// other byte is made to send the rest again.
constexpr unsigned most_early = 256;

}  // namespace

void Connection::drop_early_after(Node* before) {
  Node*& link = before == nullptr ? early_.first : before->next;
  Node* node = link;
  early_bytes_ -= node->end - node->begin;
  --early_count_;
  link = node->next;
  if (early_.last == node) early_.last = before;
  stack_.pool.free(node);
}

// Where the bytes belong, and what of them is new. False: nothing is.
bool Connection::make_room(std::uint32_t& begin, Slice& payload, Node*& before_it) {
  before_it = nullptr;
  if (early_.last != nullptr && !after(early_.last->begin, begin)) {
    before_it = early_.last;
  } else {
    for (Node* node = early_.first; node != nullptr && !after(node->begin, begin); node = node->next) before_it = node;
  }
  if (before_it != nullptr && after(before_it->end, begin)) {
    const std::uint32_t known = before_it->end - begin;
    if (known >= payload.size()) return false;
    payload.drop_front(known);
    begin += known;
  }
  while (true) {
    const std::uint32_t end = begin + static_cast<std::uint32_t>(payload.size());
    const Node* next = before_it == nullptr ? early_.first : before_it->next;
    if (next == nullptr || !before(next->begin, end)) return !payload.empty();
    if (after(next->end, end)) {
      payload.keep_front(next->begin - begin);
      return !payload.empty();
    }
    drop_early_after(before_it);
  }
}

void Connection::store_early(std::uint32_t begin, Slice payload) {
  ++stack_.counters.early_segments;
  latest_early_ = begin;
  Node* before_it = nullptr;
  if (!make_room(begin, payload, before_it)) return;
  if (early_count_ >= most_early || stack_.pool.pressure() >= 90) {
    stack_.counters.out_of_memory += payload.size();
    return;
  }
  // The part of the list up to here is a queue of its own for a moment, to be appended to.
  Queue head{before_it == nullptr ? nullptr : early_.first, before_it};
  Node* rest = before_it == nullptr ? early_.first : std::exchange(before_it->next, nullptr);
  const std::size_t taken = append(head, payload, begin, !stack_.pool.scarce());
  stack_.counters.out_of_memory += payload.size() - taken;
  early_bytes_ += static_cast<std::uint32_t>(taken);
  for (const Node* node = before_it == nullptr ? head.first : before_it->next; node != nullptr; node = node->next) ++early_count_;
  if (head.empty()) return;
  head.last->next = rest;
  early_.first = head.first;
  if (rest == nullptr) early_.last = head.last;
}

void Connection::accept_early() {
  while (!early_.empty() && !after(early_.first->begin, rcv_nxt_)) {
    Node* node = early_.first;
    Slice payload = std::move(node->slice);
    payload.drop_front(rcv_nxt_ - node->begin);
    drop_early_after(nullptr);
    const std::size_t size = payload.size();
    if (accept(payload) < size) return;
  }
}

// The block of the segment that came last is first; blocks that touch are one.
void Connection::put_blocks(Header& header) const {
  if (!sack_ || early_.empty()) return;
  const auto room = header.blocks.size();
  std::size_t used = 1;                          // the first is kept for the latest
  bool found = false;
  for (const Node* node = early_.first; node != nullptr;) {
    Block block{node->begin, node->end};
    for (node = node->next; node != nullptr && node->begin == block.end; node = node->next) block.end = node->end;
    if (!found && !before(latest_early_, block.begin) && before(latest_early_, block.end)) {
      header.blocks[0] = block;
      found = true;
    } else if (used < room) {
      header.blocks[used++] = block;
    }
  }
  if (!found) header.blocks[0] = header.blocks[--used];
  header.block_count = static_cast<std::uint8_t>(used);
}

}  // namespace net::tcp

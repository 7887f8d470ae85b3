// A list whose links lie in its elements: joining, leaving and moving cost a few stores, allocate
// nothing and need no search. Calls wait in such lists, and leave them from the middle whenever
// their time is up.
#ifndef FLOTILLA_CLIENT_LINKED_LIST_H_
#define FLOTILLA_CLIENT_LINKED_LIST_H_

namespace flotilla::client {

// Base of an element, once per list that it can be in at the same time. `Tag` tells them apart.
template <typename Tag>
class Linked {
 public:
  Linked() = default;
  Linked(const Linked&) = delete;
  Linked& operator=(const Linked&) = delete;
  ~Linked() { Unlink(); }

  bool linked() const { return next_ != this; }
  void Unlink() {
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = this;
  }

 private:
  template <typename T, typename U>
  friend class LinkedList;

  Linked* next_ = this;
  Linked* previous_ = this;
};

// Owns nothing. Elements leave when they are destroyed; the list must outlive their stay.
template <typename T, typename Tag>
class LinkedList {
 public:
  LinkedList() = default;

  bool empty() const { return !head_.linked(); }
  T* front() const { return empty() ? nullptr : static_cast<T*>(head_.next_); }

  // Takes the element out of the list of this tag that it is in, if any.
  void PushBack(T& element) {
    Linked<Tag>& link = element;
    link.Unlink();
    link.previous_ = head_.previous_;
    link.next_ = &head_;
    head_.previous_->next_ = &link;
    head_.previous_ = &link;
  }
  // Null when empty.
  T* PopFront() {
    T* first = front();
    if (first != nullptr) static_cast<Linked<Tag>*>(first)->Unlink();
    return first;
  }
  // Moves all elements of `other` to the end of this one, in order.
  void TakeAll(LinkedList& other) {
    while (T* element = other.front()) PushBack(*element);
  }
  // The element behind `element`; null at the end.
  T* Next(const T& element) const {
    const Linked<Tag>& link = element;
    return link.next_ == &head_ ? nullptr : static_cast<T*>(link.next_);
  }

 private:
  Linked<Tag> head_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_LINKED_LIST_H_

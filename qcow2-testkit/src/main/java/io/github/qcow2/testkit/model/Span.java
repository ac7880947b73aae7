package io.github.qcow2.testkit.model;

/**
 * The part of a range that lies in one page.
 *
 * @param page index of the page
 * @param offset first byte in the page
 * @param length in bytes; zero past the end of the range
 * @param remaining bytes of the range after this part
 */
record Span(long page, int offset, int length, long remaining) {
  static Span first(long position, long length) {
    int offset = (int) (position % Page.SIZE);
    int inPage = (int) Math.min(length, Page.SIZE - offset);
    return new Span(position / Page.SIZE, offset, inPage, length - inPage);
  }

  Span next() {
    int inPage = (int) Math.min(remaining, Page.SIZE);
    return new Span(page + 1, 0, inPage, remaining - inPage);
  }

  /** The first byte on the disk. */
  long position() {
    return page * Page.SIZE + offset;
  }
}

package io.github.qcow2.jmh.report;

/** A program that does nothing: what Java itself takes. */
final class BareJava {
  private BareJava() {}

  /**
   * Does nothing.
   *
   * @param args ignored
   */
  public static void main(String[] args) {}
}

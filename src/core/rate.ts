/** What a caller may know of his own budget: how much of it is left. */
export interface RateState {
  /** The class of operations that share the budget. */
  readonly name: string
  /** So many requests in a window. */
  readonly requests: number
  readonly window_s: number
  /** How many could follow at once. */
  readonly remaining: number
  /** When the budget is whole again, if nothing follows, in whole seconds. */
  readonly reset_s: number
}

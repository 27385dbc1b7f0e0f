export interface City {
  readonly name: string
  /** Two letters: `FR`. */
  readonly country: string
  readonly population: number
  readonly lat: number
  readonly lon: number
}

/** A city, and its distance from the place that was asked about. */
export interface Neighbour extends City {
  readonly km: number
}

/** The key that a lock belongs to, in whose part of the store it lives: its name up to the last `\0`. */
export function keyOfLock(name: string): string {
  const end = name.lastIndexOf('\0')
  return end < 0 ? name : name.slice(0, end)
}

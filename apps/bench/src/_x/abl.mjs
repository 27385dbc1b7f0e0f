import {readFileSync,writeFileSync} from 'node:fs'
const edits={
 map:[['recency.ts','this.items = new KeyIndex(this.K)','this.items = new Map() as never']],
 kept:[['memory-backend.ts',"return typeof kept === 'object' && kept !== null ? this.#isolation.give(kept) : kept",'if (this.#asKept) return kept\n return this.#give(kept)'],['memory-backend.ts','  #stampOf(','  #asKept = true\n  #give(kept: unknown) {return typeof kept === "object" && kept !== null ? this.#isolation.give(kept) : kept}\n  #stampOf(']],
 nodate:[['ticking-clock.ts','if (this.#reads === 0 || Date.now !== machineNow)','if (this.#reads === 0)']],
 nocount:[['ticking-clock.ts','    this.#reads--\n','']],
 noclock:[['memory-backend.ts','if (expiresAt - NEAR > this.#clock.now() ||','if (expiresAt - NEAR > 0 ||']],
 r1000:[['ticking-clock.ts','MOST_READS = 32','MOST_READS = 1000']],
 once:[['recency.ts','    super(capacity)\n','    super(capacity)\n    delete (this as any).inspect\n']],
 inl:[['memory-backend.ts',`    const pointer = this.#find(key)
    if (pointer === undefined) return MISS
    this.#entries.splayOnTop(pointer)
    return this.#valueAt(pointer)`,`    const entries = this.#entries
    const pointer = entries.items.get(key)
    if (pointer === undefined || !((entries.expiresAt[pointer] as number) - NEAR > this.#clock.now() || this.#isAlive(pointer))) return MISS
    if (pointer !== entries.head) entries.splayOnTop(pointer)
    const kept = entries.V[pointer]
    return this.#asKept ? kept : this.#give(kept)`]],
}
for(const a of process.argv.slice(2)) for(const [f,x,y] of edits[a]){const s=readFileSync('v/'+f,'utf8'); if(!s.includes(x)) throw f+x; writeFileSync('v/'+f,s.replace(x,y))}

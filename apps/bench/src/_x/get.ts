import { memory } from '@cashews/backend-memory'
import { LRUCache } from 'lru-cache'
const keys = Array.from({ length: 1000 }, (_, at) => ['user', at].join(':'))
const bench = (name: string, f: () => void) => { for (let i=0;i<300;i++) f(); const t:number[]=[]; for(let r=0;r<60;r++){const s=process.hrtime.bigint(); for(let i=0;i<100;i++)f(); t.push(Number(process.hrtime.bigint()-s)/100/1000)} t.sort((a,b)=>a-b); console.log(name.padEnd(30), (t[5] as number).toFixed(1), (t[30] as number).toFixed(1)) }
const u={id:1,name:'Ada',email:'a@b.c',age:36,active:true,score:1.5}
const s = memory({ isolation: 'none' }); s.open({removed(){},error(){}}); for (const k of keys) s.set(k,u,3600000)
const l = new LRUCache<string,object>({max:10000,ttl:3600000}); for (const k of keys) l.set(k,u)
const m = new Map(keys.map((k,i)=>[k,i]))
let x=0
bench('map', () => { for (const k of keys) x+=m.get(k)! })
bench('memory get', () => { for (const k of keys) s.get(k) })
bench('lru get', () => { for (const k of keys) l.get(k) })
bench('Date.now', () => { for (const k of keys) x+=Date.now() })
bench('perf.now', () => { for (const k of keys) x+=performance.now() })
bench('memory set', () => { for (const k of keys) s.set(k,u,3600000) })
bench('memory set forever', () => { for (const k of keys) s.set(k,u,Infinity) })
bench('lru set', () => { for (const k of keys) l.set(k,u) })
process.exit()

# Makes the variants of the notebook's resource data and, with pandas, numpy and
# matplotlib, the figures of its section 5 for each: python3 make.py resource_samples.csv
# Made with pandas 1.5.3, numpy 1.24.2, matplotlib 3.6.3.
import json, os, sys
import matplotlib
import numpy as np
import pandas as pd
matplotlib.use('Agg')
from matplotlib.cbook import boxplot_stats

def nn(x):
    if isinstance(x,(list,tuple,np.ndarray)): return [nn(i) for i in x]
    if isinstance(x,dict): return {k:nn(v) for k,v in x.items()}
    if isinstance(x,(np.integer,)): return int(x)
    if isinstance(x,(float,np.floating)): return None if not np.isfinite(x) else float(x)
    return x
def sec5(df):
    if 'gpu_util' not in df: df['gpu_util']=np.nan
    r={}
    r['n_samples']=len(df); r['n_workers']=df.worker_id.nunique(); r['n_offsets']=df.time_offset.nunique()
    r['worker_line_order']=list(df.worker_id.unique())
    r['samples_per_worker']={k:int(v) for k,v in df.groupby('worker_id').size().items()}
    m=df.groupby('worker_id')[['cpu_util','memory_util','gpu_util']].mean()*100
    r['per_worker_mean_pct']={w:dict(row) for w,row in m.iterrows()}
    g=df[df.gpu_util>0].gpu_util
    r['overall']=dict(cpu_mean_pct=df.cpu_util.mean()*100,memory_mean_pct=df.memory_util.mean()*100,gpu_mean_pct_over_gt0=g.mean()*100,gpu_gt0_count=len(g))
    r['printed']=[f"  Avg CPU: {df['cpu_util'].mean()*100:.1f}%",f"  Avg Memory: {df['memory_util'].mean()*100:.1f}%",f"  Avg GPU: {g.mean()*100:.1f}%"]
    a=df.groupby('time_offset')['cpu_util'].mean()*100
    r['avg_cpu_series']=dict(time_offset=list(a.index),avg_cpu_pct=list(a.values),n_workers_present=list(df.groupby('time_offset')['worker_id'].nunique().values))
    p=df.pivot_table(index='worker_id',columns='time_offset',values='cpu_util',aggfunc='mean')
    s=p.iloc[:,::10]
    v=s.values
    r['heatmap']=dict(rows=list(s.index),columns=list(s.columns),values=[list(x) for x in v],vmin=np.nanmin(v) if v.size else None,vmax=np.nanmax(v) if v.size else None,full_n_columns=p.shape[1])
    r['boxplot_pct']={}
    for c,l in (('cpu_util','CPU'),('memory_util','Memory'),('gpu_util','GPU')):
        x=df[c].values*100
        b=boxplot_stats(x)[0]
        r['boxplot_pct'][l]=dict(n=len(x),whislo=b['whislo'],q1=b['q1'],med=b['med'],q3=b['q3'],whishi=b['whishi'],iqr=b['iqr'],mean=b['mean'],outlier_count=len(b['fliers']),outliers=sorted(b['fliers']),n_nan=int(np.isnan(x).sum()))
    gw=sorted(df[df.gpu_util>0].worker_id.unique())
    r['extra']=dict(gpu_workers=gw,gpu_mean_pct_gpu_workers_incl_idle=df[df.worker_id.isin(gw)].gpu_util.mean()*100,gpu_mean_pct_all_nonnull_samples=df.gpu_util.mean()*100,network_mbps_mean=df.network_mbps.mean())
    return nn(r)
base = pd.read_csv(sys.argv[1])
base = base[base.time_offset <= 115].reset_index(drop=True)
N = len(base)
rng=np.random.default_rng(3)
cases={}
cases['shuffled']=base.sample(frac=1,random_state=1)
d=base.copy(); d.loc[rng.choice(N,8),'cpu_util']=np.nan; d.loc[d.worker_id=='worker-2','cpu_util']=np.nan; d.loc[d.time_offset==50,'cpu_util']=np.nan; d.loc[7,'memory_util']=np.nan; cases['nan']=d
cases['nogpu']=base.drop(columns='gpu_util')
d=base.copy(); d['gpu_util']=0; cases['zerogpu']=d
d=base.copy(); d['gpu_util']=np.nan; cases['nangpu']=d
d=base.copy(); d[['cpu_util','memory_util','gpu_util']]=d[['cpu_util','memory_util','gpu_util']].round(1); d.worker_id=d.worker_id.str.replace('worker-1','worker-10'); cases['ties']=pd.concat([d,d.iloc[:40]])
d=base.copy(); d['time_offset']=d.time_offset+d.worker_id.str[-1].astype(int)*0.01; cases['jitter']=d
cases['one']=base.iloc[:1]
cases['onew']=base[base.worker_id=='worker-3'].iloc[::-1]
d=base.copy(); d['timestamp']=pd.to_datetime(d.timestamp).dt.tz_localize(None); d.loc[::7,'memory_util']=0.999; cases['naive']=d
d=base.copy(); d['gpu_util']=d.gpu_util.where(d.worker_id<'worker-2'); d['cpu_util']=(d.cpu_util**4); cases['skew']=d
for k,d in cases.items():
    os.makedirs(k,exist_ok=True)
    d.to_csv(k+'/resource_samples.csv',index=False)
    df=pd.read_csv(k+'/resource_samples.csv',float_precision='round_trip')
    json.dump({'meta':{},'5_resources':sec5(df)},open(k+'/expected.json','w'))
